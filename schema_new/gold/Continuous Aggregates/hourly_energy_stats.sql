-- @section aggregate
-- @community
CREATE MATERIALIZED VIEW gold.hourly_energy_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    time_bucket(INTERVAL '1 hour', e.event_time) AS bucket_time,
    e.company_iot_id,
    e.machine_iot_id,
    e.category,
    sum(e.total_energy) FILTER (WHERE e.total_energy <> 'NaN') AS energy_consumed_kwh,
    avg(e.servo_energy) FILTER (WHERE e.servo_energy <> 'NaN') AS avg_servo_load,
    avg(e.spindle_energy) FILTER (WHERE e.spindle_energy <> 'NaN') AS avg_spindle_load
FROM silver.machine_energy AS e
GROUP BY 1, 2, 3, 4
WITH NO DATA;

-- @community
COMMENT ON VIEW gold.hourly_energy_stats IS
    'Energy an hour (kWh) of each machine and category; a reading that is no number is left out';

-- @section refresh
-- The window of all aggregates: hourly_production_stats.sql explains it.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.hourly_energy_stats',
    start_offset => current_setting('setu.silver_retention')::interval - INTERVAL '1 day',
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);

-- @section grants
-- @community
GRANT SELECT ON gold.hourly_energy_stats TO setu_reader;
