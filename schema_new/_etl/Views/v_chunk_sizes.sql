-- New: the size of bronze and silver on disk, chunk by chunk.
CREATE VIEW _etl.v_chunk_sizes AS
SELECT
    c.hypertable_schema,
    c.hypertable_name,
    c.chunk_name,
    c.range_start,
    c.range_end,
    c.is_compressed,
    s.total_bytes,
    pg_size_pretty(s.total_bytes) AS total_size
FROM timescaledb_information.chunks AS c
-- By oid: a cast of the name would need rights on schema bronze.
INNER JOIN pg_namespace AS n ON n.nspname = c.hypertable_schema
INNER JOIN pg_class AS h ON h.relnamespace = n.oid AND h.relname = c.hypertable_name
CROSS JOIN LATERAL (
    SELECT d.total_bytes
    FROM chunks_detailed_size(h.oid::regclass) AS d
    WHERE d.chunk_schema = c.chunk_schema AND d.chunk_name = c.chunk_name
) AS s
WHERE c.hypertable_schema IN ('bronze', 'silver');

COMMENT ON VIEW _etl.v_chunk_sizes IS
    'Size of each chunk, with its indexes and its compressed part';
COMMENT ON COLUMN _etl.v_chunk_sizes.hypertable_schema IS 'bronze or silver';
COMMENT ON COLUMN _etl.v_chunk_sizes.hypertable_name IS 'Name of the table, without its schema';
COMMENT ON COLUMN _etl.v_chunk_sizes.chunk_name IS 'Name of the chunk, without its schema';
COMMENT ON COLUMN _etl.v_chunk_sizes.range_start IS
    'First time that the chunk may have: of arrival in bronze, of the event in silver';
COMMENT ON COLUMN _etl.v_chunk_sizes.range_end IS 'Times in the chunk lie before';
COMMENT ON COLUMN _etl.v_chunk_sizes.is_compressed IS 'Whether the column store has the chunk';
COMMENT ON COLUMN _etl.v_chunk_sizes.total_bytes IS
    'Bytes on disk, with indexes and the compressed part';
COMMENT ON COLUMN _etl.v_chunk_sizes.total_size IS 'The same, for people, as in 12 MB';
GRANT SELECT ON _etl.v_chunk_sizes TO setu_etl, setu_reader;
