-- New: gateways look up the numbers of their machines here, which bronze needs in place of v1's
-- text.
CREATE VIEW _etl.v_device_machines AS
SELECT d.device_id, m.source_iot_id, m.iot_id AS machine_iot_id
FROM master.machine_info AS m
INNER JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id;

COMMENT ON VIEW _etl.v_device_machines IS
    'By device and the id that it gives a machine: the number to send as machine_iot_id';
COMMENT ON COLUMN _etl.v_device_machines.device_id IS 'Name that the gateway sends with each row';
COMMENT ON COLUMN _etl.v_device_machines.source_iot_id IS
    'The id that the gateway sends for the machine';
COMMENT ON COLUMN _etl.v_device_machines.machine_iot_id IS 'Key of the machine';
GRANT SELECT ON _etl.v_device_machines TO setu_ingest, setu_etl, setu_reader;
