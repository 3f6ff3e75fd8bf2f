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
COMMENT ON COLUMN _etl.v_machines.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN _etl.v_machines.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN _etl.v_machines.device_id IS
    'Name that the machine''s gateway sends with each row; null: it has no gateway';
COMMENT ON COLUMN _etl.v_machines.plant_iot_id IS
    'The plant in which the machine stands now; null: none';
COMMENT ON COLUMN _etl.v_machines.plant_timezone IS
    'Time zone of the plant, as master has it; null: there is no plant';
COMMENT ON COLUMN _etl.v_machines.timezone IS
    'Time zone of shifts and business dates: the plant''s, or Asia/Kolkata where there is no '
    'plant; null: the server lacks it';
GRANT SELECT ON _etl.v_machines TO setu_etl;
