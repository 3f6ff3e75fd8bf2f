-- What only the community edition has.
ALTER TABLE sample.reading SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'machine_id',
    timescaledb.compress_orderby = 'time DESC'
);
SELECT add_compression_policy('sample.reading', INTERVAL '7 days');
SELECT add_retention_policy('sample.reading', INTERVAL '100 years');
SELECT add_job(
    proc => 'sample.work',
    schedule_interval => INTERVAL '1 minute',
    config => '{"batch_size": 1000}',
    fixed_schedule => true
);
CREATE MATERIALIZED VIEW sample.reading_hourly WITH (timescaledb.continuous) AS
    SELECT machine_id, time_bucket('1 hour', time) AS bucket, avg(value) AS mean
    FROM sample.reading
    GROUP BY machine_id, time_bucket('1 hour', time)
    WITH NO DATA;
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'sample.reading_hourly',
    start_offset => INTERVAL '3 days',
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);
