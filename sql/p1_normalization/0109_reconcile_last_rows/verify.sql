-- what: every archived chunk of v1 is counted, and the numbers add up
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    IF to_regclass('_archive.dropped_tables') IS NOT NULL THEN
        RETURN;  -- counted before v1's rows were dropped, or there never were any
    END IF;
    IF to_regprocedure('_archive.reconcile_rows()') IS NULL THEN
        RAISE EXCEPTION 'the rows of v1 have not been counted';
    END IF;
    SELECT string_agg(format('%s from %s', t.table_name, c.range_start), ', ')
    INTO v_wrong
    FROM _archive.migrated_tables AS t
    CROSS JOIN LATERAL _archive.chunk_ranges('_archive', t.table_name) AS c
    LEFT JOIN _archive.row_reconciliation AS a
        ON a.table_name = t.schema_name || '.' || t.table_name AND a.range_start = c.range_start
    WHERE a.table_name IS NULL OR a.v1_rows <> a.migrated + a.merged + a.left_out;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'chunks of v1 are not counted' USING DETAIL = v_wrong,
            HINT = 'Run CALL _archive.reconcile_rows() as the deploying role';
    END IF;
END
$verify$;
