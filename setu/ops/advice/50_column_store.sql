-- asks column_store_pays: Does the column store make chunks much smaller?
-- why column_store_pays: What is not smaller only costs inserts and corrections
SELECT 'column_store_pays', 'advice', format('%s.%s', r.hypertable_schema, r.hypertable_name),
    format('is %s times smaller in the column store, %s of it', r.ratio,
        pg_size_pretty(r.before_compression_total_bytes)),
    'Look at segmentby and orderby: SELECT * FROM '
        'timescaledb_information.hypertable_compression_settings'
FROM _etl.v_compression_ratios AS r
WHERE r.ratio < 2
    AND r.before_compression_total_bytes > current_setting('setu_doctor.bytes')::bigint
