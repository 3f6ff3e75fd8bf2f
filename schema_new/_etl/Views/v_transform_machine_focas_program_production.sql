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
GRANT SELECT ON _etl.v_transform_machine_focas_program_production TO setu_etl;
