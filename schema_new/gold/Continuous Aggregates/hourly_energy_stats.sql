-- @section aggregate
-- @community
CREATE MATERIALIZED VIEW gold.hourly_energy_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
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
    'Energy (kWh) of each machine and category in an hour that is over; a reading that is no '
    'number is left out';
-- @community
COMMENT ON COLUMN gold.hourly_energy_stats.bucket_time IS
    'Start of the hour, by the clock of UTC';
-- @community
COMMENT ON COLUMN gold.hourly_energy_stats.company_iot_id IS 'Key of the company';
-- @community
COMMENT ON COLUMN gold.hourly_energy_stats.machine_iot_id IS 'Key of the machine';
-- @community
COMMENT ON COLUMN gold.hourly_energy_stats.category IS
    'What the energy went into, as the control names it; empty where the source sent none';
-- @community
COMMENT ON COLUMN gold.hourly_energy_stats.energy_consumed_kwh IS
    'Energy in kWh, summed; null: no reading has it';
-- @community
COMMENT ON COLUMN gold.hourly_energy_stats.avg_servo_load IS
    'Mean of the readings of the servos'' energy in kWh; null: no reading has it';
-- @community
COMMENT ON COLUMN gold.hourly_energy_stats.avg_spindle_load IS
    'Mean of the readings of the spindle''s energy in kWh; null: no reading has it';

-- @section refresh
-- The window of all aggregates: hourly_production_stats.sql explains it.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.hourly_energy_stats',
    start_offset => current_setting('setu.silver_retention')::interval - INTERVAL '1 day',
    end_offset => INTERVAL '5 minutes',
    schedule_interval => INTERVAL '10 minutes'
);

-- @section grants
-- @community
GRANT SELECT ON gold.hourly_energy_stats TO setu_reader;
