-- @section aggregate
-- @community
CREATE MATERIALIZED VIEW gold.hourly_downtime_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    time_bucket(INTERVAL '1 hour', d.down_start) AS bucket_time,
    d.company_iot_id,
    d.machine_iot_id,
    d.down_id,
    count(*) AS downtime_count,
    sum(
        -- An endless stop has no length yet.
        CASE WHEN d.down_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
            THEN extract(EPOCH FROM d.down_end - d.down_start)
        END
    ) AS total_downtime_sec
FROM silver.machine_downtime AS d
GROUP BY 1, 2, 3, 4
WITH NO DATA;

-- @community
COMMENT ON VIEW gold.hourly_downtime_stats IS
    'Stops that began in an hour that is over, by machine and downtime code, with all their '
    'seconds; one that lasts has none yet';
-- @community
COMMENT ON COLUMN gold.hourly_downtime_stats.bucket_time IS
    'Start of the hour, by the clock of UTC';
-- @community
COMMENT ON COLUMN gold.hourly_downtime_stats.company_iot_id IS 'Key of the company';
-- @community
COMMENT ON COLUMN gold.hourly_downtime_stats.machine_iot_id IS 'Key of the machine';
-- @community
COMMENT ON COLUMN gold.hourly_downtime_stats.down_id IS
    'Key of the downtime code; null: the stop has no known code';
-- @community
COMMENT ON COLUMN gold.hourly_downtime_stats.downtime_count IS 'Stops that began in the hour';
-- @community
COMMENT ON COLUMN gold.hourly_downtime_stats.total_downtime_sec IS
    'Seconds from start to end of these stops, also beyond the hour; a stop without an end adds '
    'none; null: none has ended';

-- @section refresh
-- The window of all aggregates: hourly_production_stats.sql explains it.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.hourly_downtime_stats',
    start_offset => current_setting('setu.silver_retention')::interval - INTERVAL '1 day',
    end_offset => INTERVAL '5 minutes',
    schedule_interval => INTERVAL '10 minutes'
);

-- @section grants
-- @community
GRANT SELECT ON gold.hourly_downtime_stats TO setu_reader;
