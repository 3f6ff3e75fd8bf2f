-- change: replace BY gold.daily_production_stats

-- Days of UTC, as time_bucket has them.
-- @community
CREATE MATERIALIZED VIEW gold.daily_production_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    public.time_bucket(INTERVAL '1 day', c.cycle_start) AS day,
    c.company_id,
    c.machine_id,
    count(*) AS total_cycles,
    avg(c.std_cycle_time) AS avg_std_cycle_time,
    sum(extract(epoch FROM c.cycle_end - c.cycle_start)) AS total_production_time_sec
FROM silver.machine_cycles AS c
GROUP BY
    public.time_bucket(INTERVAL '1 day', c.cycle_start),
    c.company_id,
    c.machine_id
WITH NO DATA;

-- @community
SELECT public.add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.daily_production_stats',
    start_offset => INTERVAL '90 days',
    end_offset => INTERVAL '1 day',
    schedule_interval => INTERVAL '1 day'
);
