-- change: replace BY gold.machine_energy_hourly

-- @community
CREATE MATERIALIZED VIEW gold.machine_energy_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    public.time_bucket(INTERVAL '1 hour', e."time") AS bucket,
    e.company_id,
    e.machine_id,
    e.shift_id,
    e.category,
    sum(e.total_energy) AS total_energy_consumption,
    max(e.created_at) AS last_updated
FROM silver.machine_energy AS e
GROUP BY
    public.time_bucket(INTERVAL '1 hour', e."time"),
    e.company_id,
    e.machine_id,
    e.shift_id,
    e.category
WITH NO DATA;

-- @community
SELECT public.add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.machine_energy_hourly',
    start_offset => INTERVAL '30 days',
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);
