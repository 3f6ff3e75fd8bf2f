-- Days that are over, as in v1: to read today would take each of its rows, which
-- gold.v_daily_production does not need.
-- @section aggregate
-- @community
CREATE MATERIALIZED VIEW gold.daily_production_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    time_bucket(INTERVAL '1 day', c.cycle_start) AS day,
    c.company_iot_id,
    c.machine_iot_id,
    count(*) AS total_cycles,
    avg(c.std_cycle_time) AS avg_std_cycle_time,
    sum(
        CASE WHEN c.cycle_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
            THEN extract(EPOCH FROM c.cycle_end - c.cycle_start)
        END
    ) AS total_production_time_sec
FROM silver.machine_cycles AS c
GROUP BY 1, 2, 3
WITH NO DATA;

-- @community
COMMENT ON VIEW gold.daily_production_stats IS
    'Cycles of each machine by day of UTC that is over, as in v1; v_daily_production has business '
    'dates, and today';
-- @community
COMMENT ON COLUMN gold.daily_production_stats.day IS 'Start of the day, midnight of UTC';
-- @community
COMMENT ON COLUMN gold.daily_production_stats.company_iot_id IS 'Key of the company';
-- @community
COMMENT ON COLUMN gold.daily_production_stats.machine_iot_id IS 'Key of the machine';
-- @community
COMMENT ON COLUMN gold.daily_production_stats.total_cycles IS 'Cycles that began on the day';
-- @community
COMMENT ON COLUMN gold.daily_production_stats.avg_std_cycle_time IS
    'Mean seconds that a cycle should take, over the cycles that have a standard; null: none has';
-- @community
COMMENT ON COLUMN gold.daily_production_stats.total_production_time_sec IS
    'Seconds from start to end of the cycles that have ended, summed; null: none has';

-- @section refresh
-- The window of all aggregates: hourly_production_stats.sql explains it.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.daily_production_stats',
    start_offset => current_setting('setu.silver_retention')::interval - INTERVAL '1 day',
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);

-- @section grants
-- @community
GRANT SELECT ON gold.daily_production_stats TO setu_reader;
