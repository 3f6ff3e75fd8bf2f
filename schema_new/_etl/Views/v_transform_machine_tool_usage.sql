-- New: the transform of bronze.raw_machine_tool_usage.
CREATE VIEW _etl.v_transform_machine_tool_usage AS
SELECT
    r.id,
    r.time,
    r.device_id,
    r.machine_iot_id,
    r.event_time,
    r.tool_no,
    _etl.fn_to_integer(r.target_count) AS target_count,
    _etl.fn_to_integer(r.actual_count) AS actual_count,
    CASE
        WHEN NOT (_etl.fn_fits_integer(r.target_count) AND _etl.fn_fits_integer(r.actual_count))
            THEN 'value_out_of_range'
    END AS fault
FROM bronze.raw_machine_tool_usage AS r;

COMMENT ON VIEW _etl.v_transform_machine_tool_usage IS
    'Rows of bronze.raw_machine_tool_usage as silver takes them; fault: why not';
COMMENT ON COLUMN _etl.v_transform_machine_tool_usage.id IS
    'Number of arrival, drawn by the database';
COMMENT ON COLUMN _etl.v_transform_machine_tool_usage.time IS
    'Arrival; the reading itself may be weeks old';
COMMENT ON COLUMN _etl.v_transform_machine_tool_usage.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN _etl.v_transform_machine_tool_usage.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN _etl.v_transform_machine_tool_usage.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN _etl.v_transform_machine_tool_usage.tool_no IS 'Tool, as the control names it';
COMMENT ON COLUMN _etl.v_transform_machine_tool_usage.target_count IS
    'Pieces that the tool may cut in its life; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_tool_usage.actual_count IS
    'Pieces that the tool has cut in its life; null: none was sent, or it does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_tool_usage.fault IS
    'Reason code of a value that silver cannot hold; null: all fit';
GRANT SELECT ON _etl.v_transform_machine_tool_usage TO setu_etl;
