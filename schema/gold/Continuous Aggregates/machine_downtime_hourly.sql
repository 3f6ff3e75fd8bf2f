-- change: replace BY gold.machine_downtime_hourly

-- @community
CREATE MATERIALIZED VIEW gold.machine_downtime_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    public.time_bucket(INTERVAL '1 hour', f."time") AS bucket,
    f.company_id,
    f.machine_id,
    f.shift_id,
    sum(f.pot - f.ot) AS total_downtime_seconds,
    sum(f.part_count) AS total_part_count,
    sum(f.ot) AS total_operating_time,
    sum(f.pot) AS total_power_on_time,
    sum(f.ct) AS total_cutting_time,
    max(f.created_at) AS last_updated
FROM silver.machine_focas AS f
GROUP BY
    public.time_bucket(INTERVAL '1 hour', f."time"),
    f.company_id,
    f.machine_id,
    f.shift_id
WITH NO DATA;

-- @community
SELECT public.add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.machine_downtime_hourly',
    start_offset => INTERVAL '30 days',
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);
