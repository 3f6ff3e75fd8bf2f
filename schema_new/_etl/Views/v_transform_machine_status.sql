-- New: the transform of bronze.raw_machine_status.
CREATE VIEW _etl.v_transform_machine_status AS
SELECT
    r.id,
    r.time,
    r.device_id,
    r.machine_iot_id,
    r.event_time,
    r.program_no,
    r.status,
    r.operator_id,
    _etl.fn_to_integer(r.target) AS target,
    CASE WHEN NOT _etl.fn_fits_integer(r.target) THEN 'value_out_of_range' END AS fault
FROM bronze.raw_machine_status AS r;

COMMENT ON VIEW _etl.v_transform_machine_status IS
    'Rows of bronze.raw_machine_status as silver takes them; fault: why not';
GRANT SELECT ON _etl.v_transform_machine_status TO setu_etl;
