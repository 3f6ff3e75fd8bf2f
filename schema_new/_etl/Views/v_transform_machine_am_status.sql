-- New: the transform of bronze.raw_machine_am_status.
CREATE VIEW _etl.v_transform_machine_am_status AS
SELECT
    r.id,
    r.time,
    r.device_id,
    r.machine_iot_id,
    r.event_time,
    r.status,
    _etl.fn_to_integer(r.am_corrected_count) AS am_corrected_count,
    _etl.fn_to_integer(r.am_pending_count) AS am_pending_count,
    CASE
        WHEN NOT (
            _etl.fn_fits_integer(r.am_corrected_count) AND _etl.fn_fits_integer(r.am_pending_count)
        ) THEN 'value_out_of_range'
    END AS fault
FROM bronze.raw_machine_am_status AS r;

COMMENT ON VIEW _etl.v_transform_machine_am_status IS
    'Rows of bronze.raw_machine_am_status as silver takes them; fault: why not';
GRANT SELECT ON _etl.v_transform_machine_am_status TO setu_etl;
