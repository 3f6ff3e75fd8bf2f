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
GRANT SELECT ON _etl.v_transform_machine_alarms TO setu_etl;
