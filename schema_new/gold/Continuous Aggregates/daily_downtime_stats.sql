-- Days that are over, as in v1: to read today would take each of its rows, which
-- gold.v_daily_downtime does not need.
-- @section aggregate
-- @community
CREATE MATERIALIZED VIEW gold.daily_downtime_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    time_bucket(INTERVAL '1 day', d.down_start) AS day,
    d.company_iot_id,
    d.machine_iot_id,
    count(*) AS total_stops,
    sum(
        -- An endless stop has no length yet.
        CASE WHEN d.down_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
            THEN extract(EPOCH FROM d.down_end - d.down_start)
        END
    ) AS total_downtime_sec
FROM silver.machine_downtime AS d
GROUP BY 1, 2, 3
WITH NO DATA;

-- @community
COMMENT ON VIEW gold.daily_downtime_stats IS
    'Stops that began on a day of UTC that is over, as in v1, by machine, with all their seconds; '
    'v_daily_downtime has business dates, and today';
-- @community
COMMENT ON COLUMN gold.daily_downtime_stats.day IS 'Start of the day, midnight of UTC';
-- @community
COMMENT ON COLUMN gold.daily_downtime_stats.company_iot_id IS 'Key of the company';
-- @community
COMMENT ON COLUMN gold.daily_downtime_stats.machine_iot_id IS 'Key of the machine';
-- @community
COMMENT ON COLUMN gold.daily_downtime_stats.total_stops IS 'Stops that began on the day';
-- @community
COMMENT ON COLUMN gold.daily_downtime_stats.total_downtime_sec IS
    'Seconds from start to end of these stops, also beyond the day; a stop without an end adds '
    'none; null: none has ended';

-- @section refresh
-- The window of all aggregates: hourly_production_stats.sql explains it.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.daily_downtime_stats',
    start_offset => current_setting('setu.silver_retention')::interval - INTERVAL '1 day',
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);

-- @section grants
-- @community
GRANT SELECT ON gold.daily_downtime_stats TO setu_reader;
