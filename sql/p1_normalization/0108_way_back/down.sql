-- what: migrates the rows that arrived under v2 into v1's archived tables, chunk by chunk
-- why: with the bulk of them there, the swap back has little left to do under its lock
-- transaction: no (each chunk commits; run again, it migrates what is left)
-- lock: none
-- down: undone by upgrading again, which finds each of these rows known to v2
-- @include sql/p1_normalization/shared/require_archive.sql

SELECT _archive.migrate_master_back();

DO $migrate$
DECLARE
    v_chunk record;
    v_rows bigint;
BEGIN
    FOR v_chunk IN
        SELECT t.table_name, t.schema_name, c.range_start, c.range_end
        FROM _archive.migrated_tables AS t
        INNER JOIN timescaledb_information.chunks AS c
            ON c.hypertable_schema = t.schema_name AND c.hypertable_name = t.table_name
        ORDER BY t.table_name, c.range_start
    LOOP
        v_rows := _archive.migrate_back(v_chunk.table_name, v_chunk.range_start, v_chunk.range_end);
        COMMIT;
        RAISE NOTICE '%.% from %: % rows of v2 migrated back to v1',
            v_chunk.schema_name, v_chunk.table_name, v_chunk.range_start::date, v_rows;
    END LOOP;
END
$migrate$;
