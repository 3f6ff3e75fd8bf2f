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
COMMENT ON COLUMN _etl.v_transform_machine_focas.id IS 'Number of arrival, drawn by the database';
COMMENT ON COLUMN _etl.v_transform_machine_focas.time IS
    'Arrival; the interval itself may be weeks old';
COMMENT ON COLUMN _etl.v_transform_machine_focas.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN _etl.v_transform_machine_focas.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN _etl.v_transform_machine_focas.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN _etl.v_transform_machine_focas.part_count IS
    'Parts made in the interval; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_focas.rej_count IS
    'Of these, rejected; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_focas.pot IS
    'Power-on time of the interval in seconds; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_focas.ot IS
    'Operating time of the interval in seconds; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_focas.ct IS
    'Cutting time of the interval in seconds; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_focas.fault IS
    'Reason code of a value that silver cannot hold; null: all fit';
GRANT SELECT ON _etl.v_transform_machine_focas TO setu_etl;
