-- @section view
-- @community
CREATE VIEW gold.v_production_dashboard AS
SELECT
    a.bucket_time,
    a.company_iot_id,
    a.machine_iot_id,
    di.device_id,
    pm.plant_iot_id,
    p.plant_name,
    a.program_no,
    a.total_cycles,
    a.avg_std_cycle_time,
    a.avg_actual_cycle_time_sec,
    a.last_cycle_time
FROM gold.hourly_production_stats AS a
LEFT JOIN master.machine_info AS m ON m.iot_id = a.machine_iot_id
LEFT JOIN master.device_info AS di ON di.device_iot_id = m.device_iot_id
LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
LEFT JOIN master.plants AS p ON p.iot_id = pm.plant_iot_id;

-- @community
COMMENT ON VIEW gold.v_production_dashboard IS
    'Cycles by hour that is over, with the gateway and the plant in which the machine stands now';
-- @community
COMMENT ON COLUMN gold.v_production_dashboard.bucket_time IS
    'Start of the hour, by the clock of UTC';
-- @community
COMMENT ON COLUMN gold.v_production_dashboard.company_iot_id IS 'Key of the company';
-- @community
COMMENT ON COLUMN gold.v_production_dashboard.machine_iot_id IS 'Key of the machine';
-- @community
COMMENT ON COLUMN gold.v_production_dashboard.device_id IS
    'Name that the machine''s gateway sends with each row; null: it has no gateway';
-- @community
COMMENT ON COLUMN gold.v_production_dashboard.plant_iot_id IS
    'The plant in which the machine stands now; null: none';
-- @community
COMMENT ON COLUMN gold.v_production_dashboard.plant_name IS
    'Name of the plant; null: it has none, or there is no plant';
-- @community
COMMENT ON COLUMN gold.v_production_dashboard.program_no IS
    'Program on the control; null: none was reported';
-- @community
COMMENT ON COLUMN gold.v_production_dashboard.total_cycles IS 'Cycles that began in the hour';
-- @community
COMMENT ON COLUMN gold.v_production_dashboard.avg_std_cycle_time IS
    'Mean seconds that a cycle should take, over the cycles that have a standard; null: none has';
-- @community
COMMENT ON COLUMN gold.v_production_dashboard.avg_actual_cycle_time_sec IS
    'Mean seconds from start to end, over the cycles that have ended; null: none has';
-- @community
COMMENT ON COLUMN gold.v_production_dashboard.last_cycle_time IS
    'Latest end of these cycles; null: none has ended';

-- @section grants
-- @community
GRANT SELECT ON gold.v_production_dashboard TO setu_reader;
