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
LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = a.machine_iot_id
LEFT JOIN master.plants AS p ON p.iot_id = pm.plant_iot_id;

-- @community
COMMENT ON VIEW gold.v_production_dashboard IS
    'Cycles an hour, with the gateway and the plant in which the machine stands now';

-- @section grants
-- @community
GRANT SELECT ON gold.v_production_dashboard TO setu_reader;
