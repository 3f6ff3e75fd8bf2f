-- New: the machine days that can and must be computed again. Nearly always there are none, so the
-- plan is kept here and not made for each report.
-- @section function
CREATE FUNCTION gold.fn_days_to_redo()
RETURNS TABLE (machine_iot_id integer, logical_date date)
LANGUAGE plpgsql STABLE SECURITY INVOKER
ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
BEGIN
    RETURN QUERY
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
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_days_to_redo() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_days_to_redo() IS
    'Machine days that changed late and of which silver still has all; of the others, what is '
    'rolled up stands';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_days_to_redo() TO setu_etl, setu_reader;
