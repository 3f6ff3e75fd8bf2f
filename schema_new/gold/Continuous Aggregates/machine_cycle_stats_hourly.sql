-- @section aggregate
-- @community
CREATE MATERIALIZED VIEW gold.machine_cycle_stats_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    time_bucket(INTERVAL '1 hour', c.cycle_start) AS bucket,
    c.company_iot_id,
    c.machine_iot_id,
    c.shift_id,
    count(*) AS total_cycles,
    avg(
        CASE WHEN c.cycle_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
            THEN extract(EPOCH FROM c.cycle_end - c.cycle_start)
        END
    ) AS avg_cycle_time,
    avg(c.actual_load_unload) AS avg_load_unload,
    sum(
        c.actual_load_unload::bigint - greatest(c.actual_load_unload::bigint - c.std_load_unload, 0)
    ) AS effective_load_unload_total,
    sum(
        greatest(c.actual_load_unload::bigint - c.std_load_unload, 0)
    ) AS total_load_unload_exceeded,
    max(c.created_at) AS last_updated
FROM silver.machine_cycles AS c
GROUP BY 1, 2, 3, 4
WITH NO DATA;

-- @community
COMMENT ON VIEW gold.machine_cycle_stats_hourly IS
    'Cycles, and the gaps before them up to and above the standard, in seconds, by hour, machine '
    'and shift';

-- @section refresh
-- The window of all aggregates: hourly_production_stats.sql explains it.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.machine_cycle_stats_hourly',
    start_offset => current_setting('setu.silver_retention')::interval - INTERVAL '1 day',
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);

-- @section grants
-- @community
GRANT SELECT ON gold.machine_cycle_stats_hourly TO setu_reader;
