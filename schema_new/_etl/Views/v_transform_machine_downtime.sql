-- New: what becomes of a row of bronze.raw_machine_downtime. Later rows complete an open downtime.
-- One with a code that nobody knows is still a downtime: its down_id stays null.
CREATE VIEW _etl.v_transform_machine_downtime AS
SELECT
    r.id,
    r.time,
    r.machine_iot_id,
    r.down_start,
    r.down_end,
    r.program_no,
    coalesce(
        (SELECT c.down_id FROM master.downtime_codes AS c WHERE c.down_id = r.down_id),
        (SELECT c.down_id FROM master.downtime_codes AS c WHERE c.down_code = r.down_code)
    ) AS down_id,
    _etl.fn_to_integer(r.down_threshold) AS down_threshold,
    CASE
        WHEN r.down_end < r.down_start THEN 'end_before_start'
        -- Seconds from start to end must fit an integer. Hours need no time zone, days do. A start that
        -- is out of range itself is refused before this is asked.
        WHEN r.down_start < '2200-01-01 00:00:00+00' AND r.down_end > r.down_start + INTERVAL '596520 hours'
            THEN 'end_out_of_range'
        WHEN NOT _etl.fn_fits_integer(r.down_threshold) THEN 'value_out_of_range'
    END AS fault
FROM bronze.raw_machine_downtime AS r;

COMMENT ON VIEW _etl.v_transform_machine_downtime IS
    'Rows of bronze.raw_machine_downtime as silver takes them; fault: why not';
GRANT SELECT ON _etl.v_transform_machine_downtime TO setu_etl;
