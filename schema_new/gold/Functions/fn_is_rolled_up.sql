-- New: asks by key, and a report's plan stays as cheap as it is: else the planner counts a look
-- into the table for each row, and compiles the plan, or reads all days first.
-- @section function
CREATE FUNCTION gold.fn_is_rolled_up(p_machine_iot_id integer, p_logical_date date) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM gold.machine_days AS d
        WHERE d.machine_iot_id = p_machine_iot_id AND d.logical_date = p_logical_date
    );
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_is_rolled_up(integer, date) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_is_rolled_up(integer, date) IS
    'Whether a business date of a machine is rolled up, whatever plant it was in';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_is_rolled_up(integer, date) TO setu_etl, setu_reader;
