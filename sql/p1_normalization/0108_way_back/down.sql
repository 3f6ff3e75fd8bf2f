-- what: migrates rows that changed under v2 into v1's archived tables, in passes over the notes
-- why: most of what changed goes back here, so that the swap back holds its lock briefly
-- transaction: no (each pass commits; a rerun migrates the rest)
-- lock: none
-- down: undone by upgrading again, which finds each of these rows known to v2
-- @include sql/p1_normalization/shared/require_archive.sql

SELECT _archive.complete_notes();
SELECT _archive.migrate_master_back();

-- All rows are compared where a trigger of the notes was dropped or disabled, and on request.
DO $everything$
DECLARE
    v_chunk record;
    v_rows bigint;
BEGIN
    FOR v_chunk IN
        SELECT t.table_name, t.schema_name, c.range_start, c.range_end
        FROM _archive.migrated_tables AS t
        CROSS JOIN LATERAL _archive.chunk_ranges(t.schema_name, t.table_name) AS c
        WHERE current_setting('setu.compare') = 'everything'
            OR t.table_name IN (SELECT n.table_name FROM _archive.to_compare AS n)
        ORDER BY t.table_name, c.range_start
    LOOP
        v_rows := _archive.migrate_back(v_chunk.table_name, v_chunk.range_start, v_chunk.range_end);
        COMMIT;
        RAISE NOTICE '%.% from %: all rows compared, % of them migrated back to v1',
            v_chunk.schema_name, v_chunk.table_name, v_chunk.range_start::date, v_rows;
    END LOOP;
    DELETE FROM _archive.to_compare;
END
$everything$;

-- Passes continue until one leaves few notes, or no fewer than the pass before: writers are active.
DO $passes$
DECLARE
    v_table text;
    v_rows bigint;
    v_total bigint;
    v_left bigint;
    v_before bigint;
BEGIN
    FOR v_round IN 1..3 LOOP
        FOR v_table IN
            SELECT DISTINCT n.table_name FROM _archive.change_notes AS n
            WHERE n.migrated_at IS NULL AND n.table_name <> 'master'
            ORDER BY n.table_name
        LOOP
            v_total := 0;
            v_left := NULL;
            LOOP
                v_before := v_left;
                v_rows := _archive.migrate_noted_back(v_table, 100000);
                COMMIT;
                EXIT WHEN v_rows IS NULL;
                v_total := v_total + v_rows;
                SELECT coalesce(sum(n.rows), 0) INTO v_left
                FROM _archive.change_notes AS n
                WHERE n.table_name = v_table AND n.migrated_at IS NULL;
                RAISE NOTICE '%: % rows migrated back to v1; % that changed under v2 are left to '
                             'look at',
                    v_table, v_total, v_left;
                EXIT WHEN v_left < 100 OR (v_left < 10000 AND v_left >= v_before);
            END LOOP;
        END LOOP;
    END LOOP;
END
$passes$;

-- The swap back creates it again, and needs the others.
DROP FUNCTION IF EXISTS _archive.migrate_rest_back(integer);
