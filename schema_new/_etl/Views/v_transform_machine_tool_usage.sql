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
GRANT SELECT ON _etl.v_transform_machine_tool_usage TO setu_etl;
