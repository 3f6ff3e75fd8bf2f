-- Hours that are over, as in v1: to read the hour that runs would take each of its rows, for all
-- machines some hundred thousand.
-- @section aggregate
-- @community
CREATE MATERIALIZED VIEW gold.hourly_production_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    time_bucket(INTERVAL '1 hour', c.cycle_start) AS bucket_time,
    c.company_iot_id,
    c.machine_iot_id,
    c.program_no,
    count(*) AS total_cycles,
    avg(c.std_cycle_time) AS avg_std_cycle_time,
    avg(
        CASE WHEN c.cycle_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
            THEN extract(EPOCH FROM c.cycle_end - c.cycle_start)
        END
    ) AS avg_actual_cycle_time_sec,
    max(c.cycle_end) FILTER (WHERE c.cycle_end < 'infinity') AS last_cycle_time
FROM silver.machine_cycles AS c
GROUP BY 1, 2, 3, 4
WITH NO DATA;

-- @community
COMMENT ON VIEW gold.hourly_production_stats IS
    'Cycles that began in an hour that is over, by machine and program; times in seconds';
-- @community
COMMENT ON COLUMN gold.hourly_production_stats.bucket_time IS
    'Start of the hour, by the clock of UTC';
-- @community
COMMENT ON COLUMN gold.hourly_production_stats.company_iot_id IS 'Key of the company';
-- @community
COMMENT ON COLUMN gold.hourly_production_stats.machine_iot_id IS 'Key of the machine';
-- @community
COMMENT ON COLUMN gold.hourly_production_stats.program_no IS
    'Program on the control; null: none was reported';
-- @community
COMMENT ON COLUMN gold.hourly_production_stats.total_cycles IS 'Cycles that began in the hour';
-- @community
COMMENT ON COLUMN gold.hourly_production_stats.avg_std_cycle_time IS
    'Mean seconds that a cycle should take, over the cycles that have a standard; null: none has';
-- @community
COMMENT ON COLUMN gold.hourly_production_stats.avg_actual_cycle_time_sec IS
    'Mean seconds from start to end, over the cycles that have ended; null: none has';
-- @community
COMMENT ON COLUMN gold.hourly_production_stats.last_cycle_time IS
    'Latest end of these cycles; null: none has ended';

-- @section refresh
-- Back to where silver's retention begins, so that a gateway that was offline for long is counted,
-- and no further: a refresh of days that silver has dropped would delete them. Only changed buckets
-- are computed again. An hour is there 5 to 15 minutes after its end.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.hourly_production_stats',
    start_offset => current_setting('setu.silver_retention')::interval - INTERVAL '1 day',
    end_offset => INTERVAL '5 minutes',
    schedule_interval => INTERVAL '10 minutes'
);

-- @section grants
-- @community
GRANT SELECT ON gold.hourly_production_stats TO setu_reader;
