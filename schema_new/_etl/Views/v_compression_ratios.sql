-- New: the space that the column store saves. Community edition: the Apache edition has none.
-- @community
CREATE VIEW _etl.v_compression_ratios AS
SELECT
    h.hypertable_schema,
    h.hypertable_name,
    s.total_chunks,
    s.number_compressed_chunks,
    s.before_compression_total_bytes,
    s.after_compression_total_bytes,
    round(s.before_compression_total_bytes / nullif(s.after_compression_total_bytes, 0)::numeric, 1)
        AS ratio
FROM timescaledb_information.hypertables AS h
INNER JOIN pg_namespace AS n ON n.nspname = h.hypertable_schema
INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = h.hypertable_name
CROSS JOIN LATERAL hypertable_compression_stats(c.oid::regclass) AS s
WHERE h.hypertable_schema IN ('bronze', 'silver');

-- @community
COMMENT ON VIEW _etl.v_compression_ratios IS
    'Bytes before and after the column store, and their ratio';
-- @community
COMMENT ON COLUMN _etl.v_compression_ratios.hypertable_schema IS 'bronze or silver';
-- @community
COMMENT ON COLUMN _etl.v_compression_ratios.hypertable_name IS
    'Name of the table, without its schema';
-- @community
COMMENT ON COLUMN _etl.v_compression_ratios.total_chunks IS 'Number of chunks';
-- @community
COMMENT ON COLUMN _etl.v_compression_ratios.number_compressed_chunks IS
    'Number of chunks that the column store has';
-- @community
COMMENT ON COLUMN _etl.v_compression_ratios.before_compression_total_bytes IS
    'Bytes that these chunks had before; null: there are none';
-- @community
COMMENT ON COLUMN _etl.v_compression_ratios.after_compression_total_bytes IS
    'Bytes that these chunks have now; null: there are none';
-- @community
COMMENT ON COLUMN _etl.v_compression_ratios.ratio IS
    'Bytes before / bytes after; null: no chunk is compressed';
-- @community
GRANT SELECT ON _etl.v_compression_ratios TO setu_etl, setu_reader;
