-- what: no more column store: policies off, compressed chunks decompressed one by one, settings off
-- why: v1 has none, and a table with compressed chunks cannot be changed
-- transaction: no (each chunk commits; run again, it goes on with the chunks that are left)
-- lock: ACCESS EXCLUSIVE on one chunk at a time, for as long as its decompression takes
-- down: undone by upgrading again; the policies then compress the same chunks
-- @community
DO $policies$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN
        SELECT format('%I.%I', h.hypertable_schema, h.hypertable_name)
        FROM timescaledb_information.hypertables AS h
        WHERE h.hypertable_schema IN ('bronze', 'silver')
    LOOP
        CALL remove_columnstore_policy(v_table::regclass, if_exists => true);
    END LOOP;
END
$policies$;
-- @community
DO $decompress$
DECLARE
    v_chunk record;
    v_done integer := 0;
BEGIN
    FOR v_chunk IN
        SELECT c.hypertable_schema, c.hypertable_name, c.range_start,
            format('%I.%I', c.chunk_schema, c.chunk_name) AS chunk,
            count(*) OVER () AS chunks
        FROM timescaledb_information.chunks AS c
        WHERE c.is_compressed AND c.hypertable_schema IN ('bronze', 'silver')
        ORDER BY c.range_start DESC
    LOOP
        PERFORM decompress_chunk(v_chunk.chunk::regclass, if_compressed => true);
        COMMIT;
        v_done := v_done + 1;
        RAISE NOTICE 'decompressed %.% from %: chunk % of %', v_chunk.hypertable_schema,
            v_chunk.hypertable_name, v_chunk.range_start::date, v_done, v_chunk.chunks;
    END LOOP;
END
$decompress$;
-- @community
DO $settings$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN
        SELECT format('%I.%I', h.hypertable_schema, h.hypertable_name)
        FROM timescaledb_information.hypertables AS h
        WHERE h.hypertable_schema IN ('bronze', 'silver') AND h.compression_enabled
    LOOP
        EXECUTE format('ALTER TABLE %s SET (timescaledb.enable_columnstore = false)', v_table);
    END LOOP;
END
$settings$;
