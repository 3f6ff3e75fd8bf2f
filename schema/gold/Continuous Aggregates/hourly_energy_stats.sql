-- change: replace BY gold.hourly_energy_stats

-- @community
CREATE MATERIALIZED VIEW gold.hourly_energy_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    public.time_bucket(INTERVAL '1 hour', e."time") AS bucket_time,
    e.company_id,
    e.machine_id,
    e.category,
    sum(e.total_energy) AS energy_consumed_kwh,
    avg(e.servo_energy) AS avg_servo_load,
    avg(e.spindle_energy) AS avg_spindle_load
FROM silver.machine_energy AS e
GROUP BY
    public.time_bucket(INTERVAL '1 hour', e."time"),
    e.company_id,
    e.machine_id,
    e.category
WITH NO DATA;

-- @community
SELECT public.add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.hourly_energy_stats',
    start_offset => INTERVAL '30 days',
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);
