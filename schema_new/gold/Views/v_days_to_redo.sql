-- New: the machine days that can and must be computed again.
-- @section view
CREATE VIEW gold.v_days_to_redo AS
SELECT DISTINCT k.machine_iot_id, k.logical_date
FROM gold.stale_machine_days AS k
WHERE k.logical_date BETWEEN '1900-01-01' AND '2300-01-01' AND NOT EXISTS (
    SELECT 1
    FROM gold.rolled_up_chunks AS c
    WHERE c.range_start < (k.logical_date::timestamp + INTERVAL '84 hours') AT TIME ZONE 'UTC'
        AND c.range_end > (k.logical_date::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
        AND to_regclass(c.chunk) IS NULL
        AND EXISTS (
            SELECT 1 FROM gold.machine_shifts AS r
            WHERE r.machine_iot_id = k.machine_iot_id AND r.logical_date = k.logical_date
        )
);

COMMENT ON VIEW gold.v_days_to_redo IS
    'Machine days that changed late and of which silver still has all; of the others, what is '
    'rolled up stands';
COMMENT ON COLUMN gold.v_days_to_redo.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_days_to_redo.logical_date IS
    'Business date: the date, in the plant''s zone, to which a shift belongs';

-- @section grants
GRANT SELECT ON gold.v_days_to_redo TO setu_etl, setu_reader;
