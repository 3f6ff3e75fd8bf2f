-- New: the shifts of one business date, for reports that join them to machines. A function of its
-- own says how few they are, so that the plan of a report is not taken for a dear one and compiled.
-- @section function
CREATE FUNCTION master.fn_shifts_of_day(p_plant_iot_id integer, p_day date)
RETURNS TABLE (
    shift_id smallint,
    shift_name text,
    starts_at timestamptz,
    ends_at timestamptz,
    is_working boolean,
    planned_breaks tstzmultirange
)
LANGUAGE plpgsql STABLE SECURITY INVOKER
COST 10
ROWS 3
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
BEGIN
    RETURN QUERY
    SELECT e.shift_id, e.shift_name, e.starts_at, e.ends_at, e.is_working, e.planned_breaks
    FROM master.fn_shift_entries(p_plant_iot_id, p_day, p_day) AS e;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_shifts_of_day(integer, date) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_shifts_of_day(integer, date) IS
    'The shifts of a plant for a business date, as instants';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_shifts_of_day(integer, date) TO setu_etl, setu_reader;
