-- New: the transform of bronze.raw_machine_downtime. Later rows complete an open downtime.
--
-- A number means what the company of the machine means by it (master.downtime_code_mapping); the
-- text decides where both are known and disagree. A stop with an unknown code is still a stop: its
-- down_id stays null. code_fault marks a code that was not read as sent.
CREATE VIEW _etl.v_transform_machine_downtime AS
SELECT
    r.id,
    r.time,
    r.device_id,
    r.machine_iot_id,
    r.down_start,
    r.down_end,
    r.program_no,
    coalesce(c.by_text, c.by_number) AS down_id,
    _etl.fn_to_integer(r.down_threshold) AS down_threshold,
    CASE
        WHEN r.down_end < r.down_start THEN 'end_before_start'
        -- Seconds from start to end must fit an integer. Hours need no time zone, days do. A start
        -- that is out of range itself is rejected before this check.
        WHEN r.down_start < '2200-01-01 00:00:00+00'
            AND r.down_end > r.down_start + INTERVAL '596520 hours'
            THEN 'end_out_of_range'
        WHEN NOT _etl.fn_fits_integer(r.down_threshold) THEN 'value_out_of_range'
    END AS fault,
    r.down_id AS source_down_id,
    r.down_code AS source_down_code,
    CASE
        WHEN r.down_code <> '' AND c.by_text IS NULL
            AND r.down_id IS NOT NULL AND c.by_number IS NULL
            THEN 'unknown code and number'
        WHEN r.down_code <> '' AND c.by_text IS NULL THEN 'unknown code'
        WHEN r.down_id IS NOT NULL AND c.by_number IS NULL THEN 'unknown number'
        WHEN c.by_text <> c.by_number THEN 'code and number disagree'
    END AS code_fault
FROM bronze.raw_machine_downtime AS r
CROSS JOIN LATERAL (
    SELECT
        (
            SELECT d.down_id FROM master.downtime_codes AS d WHERE d.down_code = r.down_code
        ) AS by_text,
        (
            SELECT k.down_id
            FROM master.machine_info AS m
            INNER JOIN master.downtime_code_mapping AS k ON k.company_iot_id = m.company_iot_id
            WHERE m.iot_id = r.machine_iot_id AND k.source_down_id = r.down_id
        ) AS by_number
    OFFSET 0  -- looked up once a row
) AS c;

COMMENT ON VIEW _etl.v_transform_machine_downtime IS
    'Rows of bronze.raw_machine_downtime as silver takes them; fault and code_fault: why not';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.id IS
    'Number of arrival, drawn by the database';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.time IS
    'Arrival; the stop itself may be weeks old';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.down_start IS 'When the stop began';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.down_end IS
    'When the stop ended; null while it lasts';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.program_no IS
    'Program on the control; null: none was reported';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.down_id IS
    'Key of the downtime code; null: the stop has no known code';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.down_threshold IS
    'Seconds without a cycle after which the machine counts as stopped; null: none was sent, or it '
    'does not fit silver';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.fault IS
    'Reason code of a value that silver cannot hold; null: all fit';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.source_down_id IS
    'Number that the gateway sent; null: none';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.source_down_code IS
    'Text that the gateway sent; null: none';
COMMENT ON COLUMN _etl.v_transform_machine_downtime.code_fault IS
    'Why the code could not be read as sent; null: it was, or none was sent';
GRANT SELECT ON _etl.v_transform_machine_downtime TO setu_etl;
