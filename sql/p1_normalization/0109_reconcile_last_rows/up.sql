-- what: counts what became of v1's rows in the chunks that v1 changed shortly before the swap
-- why: the numbers of the other chunks were taken before it; no session waits for these
-- transaction: no (each chunk commits; a rerun counts the chunks that remain)
-- lock: none
-- down: the numbers stay
CREATE OR REPLACE FUNCTION _archive.reconcile(
    p_table text, p_from timestamptz, p_to timestamptz,
    OUT v1_rows bigint, OUT migrated bigint, OUT merged bigint, OUT left_out bigint,
    OUT rounded bigint, OUT missing bigint, OUT in_future bigint
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_migrated _archive.migrated_tables;
BEGIN
    SELECT c.*
    INTO STRICT v_migrated FROM _archive.migrated_tables AS c WHERE c.table_name = p_table;
    EXECUTE format(
        $query$
            SELECT
                coalesce(sum(k.v1_rows), 0),
                count(*) FILTER (WHERE k.machine_iot_id IS NOT NULL),
                coalesce(sum(k.v1_rows) FILTER (WHERE k.machine_iot_id IS NULL), 0),
                coalesce(sum(k.rounded) FILTER (WHERE k.machine_iot_id IS NOT NULL), 0),
                count(*) FILTER (WHERE k.machine_iot_id IS NOT NULL AND v2.machine_iot_id IS NULL),
                coalesce(sum(k.in_future), 0)
            FROM (
                SELECT CASE WHEN NOT (%7$s) THEN mk.machine_iot_id END AS machine_iot_id,
                    v1.%3$I AS at, %5$s AS same, count(*) AS v1_rows,
                    count(*) FILTER (WHERE %6$s) AS rounded,
                    count(*) FILTER (WHERE mk.machine_iot_id IS NOT NULL AND (%7$s)) AS in_future
                FROM _archive.%1$I AS v1
                LEFT JOIN _archive.machine_keys AS mk
                    ON mk.company_id = v1.company_id AND mk.machine_id = v1.machine_id
                WHERE v1.%3$I >= $1 AND v1.%3$I < $2
                GROUP BY 1, 2, 3
            ) AS k
            LEFT JOIN (
                SELECT v1.machine_iot_id, v1.%4$I AS at, %5$s AS same
                FROM %2$I.%1$I AS v1
                WHERE v1.%4$I >= $1 AND v1.%4$I < $2
            ) AS v2
                ON v2.machine_iot_id = k.machine_iot_id AND v2.at = k.at AND v2.same = k.same
        $query$,
        p_table, v_migrated.schema_name, v_migrated.v1_time, v_migrated.v2_time,
        (
            SELECT format('concat_ws(chr(1), %s)', coalesce(
                string_agg(format('coalesce(v1.%I::text, %L)', s.name, ''), ', '), quote_literal('')
            ))
            FROM unnest(v_migrated.same_columns) AS s (name)
        ),
        v_migrated.rounded_when, _archive.future_condition(p_table)
    )
    INTO v1_rows, migrated, left_out, rounded, missing, in_future USING p_from, p_to;
    merged := v1_rows - left_out - migrated;
END
$function$;

CREATE OR REPLACE PROCEDURE _archive.reconcile_rows()
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_chunk record;
    v_counted record;
BEGIN
    FOR v_chunk IN
        SELECT t.table_name, t.schema_name || '.' || t.table_name AS name, c.range_start,
            c.range_end
        FROM _archive.migrated_tables AS t
        CROSS JOIN LATERAL _archive.chunk_ranges('_archive', t.table_name) AS c
        WHERE NOT EXISTS (
            SELECT 1 FROM _archive.row_reconciliation AS a
            WHERE a.table_name = t.schema_name || '.' || t.table_name
                AND a.range_start = c.range_start
        )
        ORDER BY t.table_name, c.range_start
    LOOP
        v_counted := _archive.reconcile(v_chunk.table_name, v_chunk.range_start, v_chunk.range_end);
        IF v_counted.missing > 0 THEN
            RAISE EXCEPTION '% rows of v1''s % from % on have no row in v2',
                v_counted.missing, v_chunk.name, v_chunk.range_start
                USING ERRCODE = 'data_corrupted',
                    DETAIL = format('v1''s rows are in _archive.%I.', v_chunk.table_name),
                    HINT = 'Downgrade to 0102 and upgrade again';
        END IF;
        INSERT INTO _archive.row_reconciliation (
            table_name, range_start, range_end, v1_rows, migrated, merged, left_out, in_future,
            rounded
        )
        VALUES (
            v_chunk.name, v_chunk.range_start, v_chunk.range_end, v_counted.v1_rows,
            v_counted.migrated, v_counted.merged, v_counted.left_out, v_counted.in_future,
            v_counted.rounded
        );
        COMMIT;
        RAISE NOTICE '% from %: % rows of v1, % migrated, % merged, % left out, % rounded',
            v_chunk.name, v_chunk.range_start::date, v_counted.v1_rows, v_counted.migrated,
            v_counted.merged, v_counted.left_out, v_counted.rounded;
    END LOOP;
END
$procedure$;

CALL _archive.reconcile_rows();
