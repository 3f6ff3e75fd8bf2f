-- change: replace BY gold.hourly_downtime_stats

-- A downtime counts whole in the hour in which it began; an open one has no length yet.
-- @community
CREATE MATERIALIZED VIEW gold.hourly_downtime_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    public.time_bucket(INTERVAL '1 hour', d.down_start) AS bucket_time,
    d.company_id,
    d.machine_id,
    d.down_code,
    count(*) AS downtime_count,
    sum(extract(epoch FROM d.down_end - d.down_start)) AS total_downtime_sec
FROM silver.machine_downtime AS d
GROUP BY
    public.time_bucket(INTERVAL '1 hour', d.down_start),
    d.company_id,
    d.machine_id,
    d.down_code
WITH NO DATA;

-- @community
SELECT public.add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.hourly_downtime_stats',
    start_offset => INTERVAL '30 days',
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);
