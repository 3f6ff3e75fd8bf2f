-- @section aggregate
-- @community
CREATE MATERIALIZED VIEW gold.machine_energy_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT
    time_bucket(INTERVAL '1 hour', e.event_time) AS bucket,
    e.company_iot_id,
    e.machine_iot_id,
    e.shift_id,
    e.category,
    sum(e.total_energy) FILTER (WHERE e.total_energy <> 'NaN') AS total_energy_consumption,
    max(e.created_at) AS last_updated
FROM silver.machine_energy AS e
GROUP BY 1, 2, 3, 4, 5
WITH NO DATA;

-- @community
COMMENT ON VIEW gold.machine_energy_hourly IS
    'Energy (kWh) of each machine, shift and category in an hour that is over; a reading that is '
    'no number is left out';
-- @community
COMMENT ON COLUMN gold.machine_energy_hourly.bucket IS 'Start of the hour, by the clock of UTC';
-- @community
COMMENT ON COLUMN gold.machine_energy_hourly.company_iot_id IS 'Key of the company';
-- @community
COMMENT ON COLUMN gold.machine_energy_hourly.machine_iot_id IS 'Key of the machine';
-- @community
COMMENT ON COLUMN gold.machine_energy_hourly.shift_id IS
    'Number of the shift within its plant; 0: no shift of the plant covers event_time';
-- @community
COMMENT ON COLUMN gold.machine_energy_hourly.category IS
    'What the energy went into, as the control names it; empty where the source sent none';
-- @community
COMMENT ON COLUMN gold.machine_energy_hourly.total_energy_consumption IS
    'Energy in kWh, summed; null: no reading has it';
-- @community
COMMENT ON COLUMN gold.machine_energy_hourly.last_updated IS
    'When the last of these rows was added to silver';

-- @section refresh
-- The window of all aggregates: hourly_production_stats.sql explains it.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.machine_energy_hourly',
    start_offset => current_setting('setu.silver_retention')::interval - INTERVAL '1 day',
    end_offset => INTERVAL '5 minutes',
    schedule_interval => INTERVAL '10 minutes'
);

-- @section grants
-- @community
GRANT SELECT ON gold.machine_energy_hourly TO setu_reader;
