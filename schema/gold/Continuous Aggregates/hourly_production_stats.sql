-- change: replace BY gold.hourly_production_stats

-- @community
CREATE MATERIALIZED VIEW gold.hourly_production_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    public.time_bucket(INTERVAL '1 hour', c.cycle_start) AS bucket_time,
    c.company_id,
    c.machine_id,
    c.program_no,
    count(*) AS total_cycles,
    avg(c.std_cycle_time) AS avg_std_cycle_time,
    avg(extract(epoch FROM c.cycle_end - c.cycle_start)) AS avg_actual_cycle_time_sec,
    max(c.cycle_end) AS last_cycle_time
FROM silver.machine_cycles AS c
GROUP BY
    public.time_bucket(INTERVAL '1 hour', c.cycle_start),
    c.company_id,
    c.machine_id,
    c.program_no
WITH NO DATA;

-- @community
SELECT public.add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.hourly_production_stats',
    start_offset => INTERVAL '30 days',
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);
