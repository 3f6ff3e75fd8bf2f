-- @section aggregate
-- @community
CREATE MATERIALIZED VIEW gold.machine_cycle_stats_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
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
    'Cycles, and the gaps before them up to and above the standard, in seconds, by hour that is '
    'over, machine and shift';
-- @community
COMMENT ON COLUMN gold.machine_cycle_stats_hourly.bucket IS
    'Start of the hour, by the clock of UTC';
-- @community
COMMENT ON COLUMN gold.machine_cycle_stats_hourly.company_iot_id IS 'Key of the company';
-- @community
COMMENT ON COLUMN gold.machine_cycle_stats_hourly.machine_iot_id IS 'Key of the machine';
-- @community
COMMENT ON COLUMN gold.machine_cycle_stats_hourly.shift_id IS
    'Number of the shift within its plant; 0: no shift of the plant covers cycle_start';
-- @community
COMMENT ON COLUMN gold.machine_cycle_stats_hourly.total_cycles IS 'Cycles that began in the hour';
-- @community
COMMENT ON COLUMN gold.machine_cycle_stats_hourly.avg_cycle_time IS
    'Mean seconds from start to end, over the cycles that have ended; null: none has';
-- @community
COMMENT ON COLUMN gold.machine_cycle_stats_hourly.avg_load_unload IS
    'Mean seconds from the end of the machine''s previous cycle; null: no such gap is known';
-- @community
COMMENT ON COLUMN gold.machine_cycle_stats_hourly.effective_load_unload_total IS
    'Seconds of these gaps up to the standard, summed; one without a standard counts whole; null: '
    'no gap is known';
-- @community
COMMENT ON COLUMN gold.machine_cycle_stats_hourly.total_load_unload_exceeded IS
    'Seconds of these gaps above the standard, summed; one without a standard adds 0';
-- @community
COMMENT ON COLUMN gold.machine_cycle_stats_hourly.last_updated IS
    'When the last of these rows was added to silver';

-- @section refresh
-- The window of all aggregates: hourly_production_stats.sql explains it.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.machine_cycle_stats_hourly',
    start_offset => current_setting('setu.silver_retention')::interval - INTERVAL '1 day',
    end_offset => INTERVAL '5 minutes',
    schedule_interval => INTERVAL '10 minutes'
);

-- @section grants
-- @community
GRANT SELECT ON gold.machine_cycle_stats_hourly TO setu_reader;
