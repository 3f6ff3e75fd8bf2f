-- New: the transform of bronze.raw_machine_alarms. All its values fit silver's types.
CREATE VIEW _etl.v_transform_machine_alarms AS
SELECT
    r.id,
    r.time,
    r.device_id,
    r.machine_iot_id,
    r.event_time,
    coalesce(r.alarm_no, '') AS alarm_no,
    r.alarm_desc,
    NULL::text AS fault
FROM bronze.raw_machine_alarms AS r;

COMMENT ON VIEW _etl.v_transform_machine_alarms IS
    'Rows of bronze.raw_machine_alarms as silver takes them; fault: why not';
COMMENT ON COLUMN _etl.v_transform_machine_alarms.id IS 'Number of arrival, drawn by the database';
COMMENT ON COLUMN _etl.v_transform_machine_alarms.time IS
    'Arrival; the alarm itself may be weeks old';
COMMENT ON COLUMN _etl.v_transform_machine_alarms.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN _etl.v_transform_machine_alarms.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN _etl.v_transform_machine_alarms.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN _etl.v_transform_machine_alarms.alarm_no IS
    'Number of the alarm at the control; empty where the control sent none';
COMMENT ON COLUMN _etl.v_transform_machine_alarms.alarm_desc IS
    'What the control says of the alarm';
COMMENT ON COLUMN _etl.v_transform_machine_alarms.fault IS 'Always null: every value fits silver';
GRANT SELECT ON _etl.v_transform_machine_alarms TO setu_etl;
