-- change: replace BY gold.daily_downtime_stats

-- Days of UTC, as time_bucket has them.
-- @community
CREATE MATERIALIZED VIEW gold.daily_downtime_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    public.time_bucket(INTERVAL '1 day', d.down_start) AS day,
    d.company_id,
    d.machine_id,
    count(*) AS total_stops,
    sum(extract(epoch FROM d.down_end - d.down_start)) AS total_downtime_sec
FROM silver.machine_downtime AS d
GROUP BY
    public.time_bucket(INTERVAL '1 day', d.down_start),
    d.company_id,
    d.machine_id
WITH NO DATA;

-- @community
SELECT public.add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.daily_downtime_stats',
    start_offset => INTERVAL '90 days',
    end_offset => INTERVAL '1 day',
    schedule_interval => INTERVAL '1 day'
);
