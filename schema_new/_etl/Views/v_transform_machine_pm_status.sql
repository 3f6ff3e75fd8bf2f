-- New: the transform of bronze.raw_machine_pm_status.
CREATE VIEW _etl.v_transform_machine_pm_status AS
SELECT
    r.id,
    r.time,
    r.device_id,
    r.machine_iot_id,
    r.event_time,
    r.status,
    _etl.fn_to_integer(r.pm_corrected_count) AS pm_corrected_count,
    _etl.fn_to_integer(r.pm_pending_count) AS pm_pending_count,
    CASE
        WHEN NOT (
            _etl.fn_fits_integer(r.pm_corrected_count) AND _etl.fn_fits_integer(r.pm_pending_count)
        ) THEN 'value_out_of_range'
    END AS fault
FROM bronze.raw_machine_pm_status AS r;

COMMENT ON VIEW _etl.v_transform_machine_pm_status IS
    'Rows of bronze.raw_machine_pm_status as silver takes them; fault: why not';
COMMENT ON COLUMN _etl.v_transform_machine_pm_status.id IS
    'Number of arrival, drawn by the database';
COMMENT ON COLUMN _etl.v_transform_machine_pm_status.time IS
    'Arrival; the report itself may be weeks old';
COMMENT ON COLUMN _etl.v_transform_machine_pm_status.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN _etl.v_transform_machine_pm_status.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN _etl.v_transform_machine_pm_status.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN _etl.v_transform_machine_pm_status.status IS
    'State that was reported; null: none was';
COMMENT ON COLUMN _etl.v_transform_machine_pm_status.pm_corrected_count IS
    'Preventive maintenance: points that were put right; null: none was sent, or it does not fit '
    'silver';
COMMENT ON COLUMN _etl.v_transform_machine_pm_status.pm_pending_count IS
    'Preventive maintenance: points still open; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_pm_status.fault IS
    'Reason code of a value that silver cannot hold; null: all fit';
GRANT SELECT ON _etl.v_transform_machine_pm_status TO setu_etl;
