-- New: the transform of bronze.raw_machine_focas. Amounts are whole numbers that the source sends
-- as fractions now and then.
CREATE VIEW _etl.v_transform_machine_focas AS
SELECT
    r.id,
    r.time,
    r.device_id,
    r.machine_iot_id,
    r.event_time,
    _etl.fn_to_integer(r.part_count) AS part_count,
    _etl.fn_to_integer(r.rej_count) AS rej_count,
    _etl.fn_to_integer(r.pot) AS pot,
    _etl.fn_to_integer(r.ot) AS ot,
    _etl.fn_to_integer(r.ct) AS ct,
    CASE
        WHEN NOT (
            _etl.fn_fits_integer(r.part_count) AND _etl.fn_fits_integer(r.rej_count)
            AND _etl.fn_fits_integer(r.pot) AND _etl.fn_fits_integer(r.ot)
            AND _etl.fn_fits_integer(r.ct)
        ) THEN 'value_out_of_range'
    END AS fault
FROM bronze.raw_machine_focas AS r;

COMMENT ON VIEW _etl.v_transform_machine_focas IS
    'Rows of bronze.raw_machine_focas as silver takes them; fault: why not';
GRANT SELECT ON _etl.v_transform_machine_focas TO setu_etl;
