-- New: master data that a load needs of each machine, in one place for all ten.
CREATE VIEW _etl.v_machines AS
WITH plants AS MATERIALIZED (
    SELECT p.iot_id, p.timezone, master.fn_knows_zone(p.timezone) AS is_known
    FROM master.plants AS p
)
SELECT
    m.iot_id AS machine_iot_id,
    m.company_iot_id,
    d.device_id,
    p.iot_id AS plant_iot_id,
    p.timezone AS plant_timezone,
    -- A machine without a plant has the wall clock of India, the default of plants.
    CASE WHEN p.iot_id IS NULL THEN 'Asia/Kolkata' WHEN p.is_known THEN p.timezone END AS timezone
FROM master.machine_info AS m
LEFT JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
LEFT JOIN plants AS p ON p.iot_id = pm.plant_iot_id;

COMMENT ON VIEW _etl.v_machines IS
    'Company, gateway, plant and time zone of each machine; timezone null: the server lacks it';
GRANT SELECT ON _etl.v_machines TO setu_etl;
