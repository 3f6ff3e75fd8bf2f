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
COMMENT ON COLUMN gold.v_live_machine_status.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.v_live_machine_status.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_live_machine_status.device_id IS
    'Name that the machine''s gateway sends with each row; null: it has no gateway';
COMMENT ON COLUMN gold.v_live_machine_status.plant_iot_id IS
    'The plant in which the machine stands now; null: none';
COMMENT ON COLUMN gold.v_live_machine_status.plant_name IS
    'Name of the plant; null: it has none, or there is no plant';
COMMENT ON COLUMN gold.v_live_machine_status.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN gold.v_live_machine_status.program_no IS
    'Program on the control; null: none was reported';
COMMENT ON COLUMN gold.v_live_machine_status.status IS
    'State of the machine, as the control says; null: none was reported';
COMMENT ON COLUMN gold.v_live_machine_status.operator_id IS
    'Who operated the machine, as the control says; null: it did not say';
COMMENT ON COLUMN gold.v_live_machine_status.target IS
    'Pieces that the control was set to make; null: none was reported';
COMMENT ON COLUMN gold.v_live_machine_status.shift_id IS
    'Number of the shift within its plant; 0: no shift of the plant covers event_time';

-- @section grants
GRANT SELECT ON gold.v_live_machine_status TO setu_reader;
