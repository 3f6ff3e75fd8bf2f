-- New: the transform of bronze.raw_machine_energy.
CREATE VIEW _etl.v_transform_machine_energy AS
SELECT
    r.id,
    r.time,
    r.device_id,
    r.machine_iot_id,
    r.event_time,
    coalesce(r.category, '') AS category,
    _etl.fn_to_decimal(r.servo_energy) AS servo_energy,
    _etl.fn_to_decimal(r.spindle_energy) AS spindle_energy,
    _etl.fn_to_decimal(r.total_energy) AS total_energy,
    CASE
        WHEN NOT (
            _etl.fn_fits_decimal(r.servo_energy) AND _etl.fn_fits_decimal(r.spindle_energy)
            AND _etl.fn_fits_decimal(r.total_energy)
        ) THEN 'value_out_of_range'
    END AS fault
FROM bronze.raw_machine_energy AS r;

COMMENT ON VIEW _etl.v_transform_machine_energy IS
    'Rows of bronze.raw_machine_energy as silver takes them; fault: why not';
COMMENT ON COLUMN _etl.v_transform_machine_energy.id IS 'Number of arrival, drawn by the database';
COMMENT ON COLUMN _etl.v_transform_machine_energy.time IS
    'Arrival; the reading itself may be weeks old';
COMMENT ON COLUMN _etl.v_transform_machine_energy.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN _etl.v_transform_machine_energy.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN _etl.v_transform_machine_energy.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN _etl.v_transform_machine_energy.category IS
    'What the energy went into, as the control names it; empty where the source sent none';
COMMENT ON COLUMN _etl.v_transform_machine_energy.servo_energy IS
    'Energy of the servos in kWh; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_energy.spindle_energy IS
    'Energy of the spindle in kWh; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_energy.total_energy IS
    'Energy in kWh; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_energy.fault IS
    'Reason code of a value that silver cannot hold; null: all fit';
GRANT SELECT ON _etl.v_transform_machine_energy TO setu_etl;
