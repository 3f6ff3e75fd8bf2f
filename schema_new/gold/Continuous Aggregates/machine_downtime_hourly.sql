-- @section aggregate
-- @community
CREATE MATERIALIZED VIEW gold.machine_downtime_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    time_bucket(INTERVAL '1 hour', f.event_time) AS bucket,
    f.company_iot_id,
    f.machine_iot_id,
    f.shift_id,
    -- Not the sum of the differences: two integers can differ by more than one holds.
    sum(f.pot) FILTER (WHERE f.ot IS NOT NULL) - sum(f.ot) FILTER (WHERE f.pot IS NOT NULL)
        AS total_downtime_seconds,
    sum(f.part_count) AS total_part_count,
    sum(f.ot) AS total_operating_time,
    sum(f.pot) AS total_power_on_time,
    sum(f.ct) AS total_cutting_time,
    max(f.created_at) AS last_updated
FROM silver.machine_focas AS f
GROUP BY 1, 2, 3, 4
WITH NO DATA;

-- @community
COMMENT ON VIEW gold.machine_downtime_hourly IS
    'Times (seconds) and parts that FOCAS rows report, summed by hour that is over, machine and '
    'shift';
-- @community
COMMENT ON COLUMN gold.machine_downtime_hourly.bucket IS 'Start of the hour, by the clock of UTC';
-- @community
COMMENT ON COLUMN gold.machine_downtime_hourly.company_iot_id IS 'Key of the company';
-- @community
COMMENT ON COLUMN gold.machine_downtime_hourly.machine_iot_id IS 'Key of the machine';
-- @community
COMMENT ON COLUMN gold.machine_downtime_hourly.shift_id IS
    'Number of the shift within its plant; 0: no shift of the plant covers event_time';
-- @community
COMMENT ON COLUMN gold.machine_downtime_hourly.total_downtime_seconds IS
    'Power-on time without operating time in seconds, of rows that have both; null: none has';
-- @community
COMMENT ON COLUMN gold.machine_downtime_hourly.total_part_count IS
    'Parts made; null: no row says';
-- @community
COMMENT ON COLUMN gold.machine_downtime_hourly.total_operating_time IS
    'Operating time in seconds; null: no row says';
-- @community
COMMENT ON COLUMN gold.machine_downtime_hourly.total_power_on_time IS
    'Power-on time in seconds; null: no row says';
-- @community
COMMENT ON COLUMN gold.machine_downtime_hourly.total_cutting_time IS
    'Cutting time in seconds; null: no row says';
-- @community
COMMENT ON COLUMN gold.machine_downtime_hourly.last_updated IS
    'When the last of these rows was added to silver';

-- @section refresh
-- The window of all aggregates: hourly_production_stats.sql explains it.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.machine_downtime_hourly',
    start_offset => current_setting('setu.silver_retention')::interval - INTERVAL '1 day',
    end_offset => INTERVAL '5 minutes',
    schedule_interval => INTERVAL '10 minutes'
);

-- @section grants
-- @community
GRANT SELECT ON gold.machine_downtime_hourly TO setu_reader;
