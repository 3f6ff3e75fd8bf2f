-- @section view
-- @community
CREATE VIEW gold.v_downtime_dashboard AS
SELECT
    a.bucket_time,
    a.company_iot_id,
    a.machine_iot_id,
    pm.plant_iot_id,
    p.plant_name,
    a.down_id,
    dc.down_code,
    dc.description,
    a.downtime_count,
    a.total_downtime_sec
FROM gold.hourly_downtime_stats AS a
LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = a.machine_iot_id
LEFT JOIN master.plants AS p ON p.iot_id = pm.plant_iot_id
LEFT JOIN master.downtime_codes AS dc ON dc.down_id = a.down_id;

-- @community
COMMENT ON VIEW gold.v_downtime_dashboard IS
    'Stops by hour and downtime code, with the plant in which the machine stands now';

-- @section grants
-- @community
GRANT SELECT ON gold.v_downtime_dashboard TO setu_reader;
