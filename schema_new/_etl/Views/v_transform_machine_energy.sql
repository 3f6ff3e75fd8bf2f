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
GRANT SELECT ON _etl.v_transform_machine_energy TO setu_etl;
