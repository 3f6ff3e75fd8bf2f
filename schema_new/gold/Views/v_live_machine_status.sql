-- @section view
CREATE VIEW gold.v_live_machine_status AS
SELECT
    s.company_iot_id,
    m.iot_id AS machine_iot_id,
    di.device_id,
    pm.plant_iot_id,
    p.plant_name,
    s.event_time,
    s.program_no,
    s.status,
    s.operator_id,
    s.target,
    s.shift_id
FROM master.machine_info AS m
CROSS JOIN LATERAL (
    SELECT
        n.company_iot_id, n.shift_id, n.event_time, n.program_no, n.status, n.operator_id, n.target
    FROM silver.machine_status AS n
    WHERE n.machine_iot_id = m.iot_id
    ORDER BY n.event_time DESC
    LIMIT 1
) AS s
LEFT JOIN master.device_info AS di ON di.device_iot_id = m.device_iot_id
LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
LEFT JOIN master.plants AS p ON p.iot_id = pm.plant_iot_id;

COMMENT ON VIEW gold.v_live_machine_status IS
    'The newest status of each machine that ever reported one, with its gateway and plant';

-- @section grants
GRANT SELECT ON gold.v_live_machine_status TO setu_reader;
