-- New: the transform of bronze.raw_machine_focas_program_production.
CREATE VIEW _etl.v_transform_machine_focas_program_production AS
SELECT
    r.id,
    r.time,
    r.device_id,
    r.machine_iot_id,
    r.event_time,
    r.program_no,
    _etl.fn_to_integer(r.actual_count) AS actual_count,
    _etl.fn_to_integer(r.target_count) AS target_count,
    _etl.fn_to_integer(r.std_load_unload) AS std_load_unload,
    _etl.fn_to_integer(r.std_cycle_time) AS std_cycle_time,
    CASE
        WHEN NOT (
            _etl.fn_fits_integer(r.actual_count) AND _etl.fn_fits_integer(r.target_count)
            AND _etl.fn_fits_integer(r.std_load_unload) AND _etl.fn_fits_integer(r.std_cycle_time)
        ) THEN 'value_out_of_range'
    END AS fault
FROM bronze.raw_machine_focas_program_production AS r;

COMMENT ON VIEW _etl.v_transform_machine_focas_program_production IS
    'Rows of bronze.raw_machine_focas_program_production as silver takes them; fault: why not';
COMMENT ON COLUMN _etl.v_transform_machine_focas_program_production.id IS
    'Number of arrival, drawn by the database';
COMMENT ON COLUMN _etl.v_transform_machine_focas_program_production.time IS
    'Arrival; the reading itself may be weeks old';
COMMENT ON COLUMN _etl.v_transform_machine_focas_program_production.device_id IS
    'Gateway, as it names itself';
COMMENT ON COLUMN _etl.v_transform_machine_focas_program_production.machine_iot_id IS
    'Key of the machine';
COMMENT ON COLUMN _etl.v_transform_machine_focas_program_production.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN _etl.v_transform_machine_focas_program_production.program_no IS
    'Program on the control; null: none was reported';
COMMENT ON COLUMN _etl.v_transform_machine_focas_program_production.actual_count IS
    'Pieces made; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_focas_program_production.target_count IS
    'Pieces to be made; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_focas_program_production.std_load_unload IS
    'Seconds that loading and unloading should take; null: none was sent, or it does not fit '
    'silver';
COMMENT ON COLUMN _etl.v_transform_machine_focas_program_production.std_cycle_time IS
    'Seconds that the cycle should take; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_focas_program_production.fault IS
    'Reason code of a value that silver cannot hold; null: all fit';
GRANT SELECT ON _etl.v_transform_machine_focas_program_production TO setu_etl;
