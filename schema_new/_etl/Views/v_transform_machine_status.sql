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
COMMENT ON COLUMN _etl.v_transform_machine_status.id IS 'Number of arrival, drawn by the database';
COMMENT ON COLUMN _etl.v_transform_machine_status.time IS
    'Arrival; the report itself may be weeks old';
COMMENT ON COLUMN _etl.v_transform_machine_status.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN _etl.v_transform_machine_status.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN _etl.v_transform_machine_status.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN _etl.v_transform_machine_status.program_no IS
    'Program on the control; null: none was reported';
COMMENT ON COLUMN _etl.v_transform_machine_status.status IS
    'State of the machine, as the control says; null: none was reported';
COMMENT ON COLUMN _etl.v_transform_machine_status.operator_id IS
    'Who operated the machine, as the control says; null: it did not say';
COMMENT ON COLUMN _etl.v_transform_machine_status.target IS
    'Pieces that the control was set to make; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_status.fault IS
    'Reason code of a value that silver cannot hold; null: all fit';
GRANT SELECT ON _etl.v_transform_machine_status TO setu_etl;
