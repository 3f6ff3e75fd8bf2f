-- change: replace BY gold.machine_cycle_stats_hourly

-- Seconds above std_load_unload are exceeded, the others effective: together the actual ones.
-- @community
CREATE MATERIALIZED VIEW gold.machine_cycle_stats_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    public.time_bucket(INTERVAL '1 hour', c.cycle_start) AS bucket,
    c.company_id,
    c.machine_id,
    c.shift_id,
    count(*) AS total_cycles,
    avg(extract(epoch FROM c.cycle_end - c.cycle_start)) AS avg_cycle_time,
    avg(c.actual_load_unload) AS avg_load_unload,
    sum(
        c.actual_load_unload::bigint
            - GREATEST(c.actual_load_unload::bigint - c.std_load_unload, 0)
    ) AS effective_load_unload_total,
    sum(
        GREATEST(c.actual_load_unload::bigint - c.std_load_unload, 0)
    ) AS total_load_unload_exceeded,
    max(c.created_at) AS last_updated
FROM silver.machine_cycles AS c
GROUP BY
    public.time_bucket(INTERVAL '1 hour', c.cycle_start),
    c.company_id,
    c.machine_id,
    c.shift_id
WITH NO DATA;

-- @community
SELECT public.add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.machine_cycle_stats_hourly',
    start_offset => INTERVAL '30 days',
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);
