-- New: the shifts of one business date, for reports that join them to machines: what is planned is
-- computed once a plant. A function of its own says how few they are, so that the plan of a report
-- is not taken for a dear one and compiled.
-- @section function
CREATE FUNCTION master.fn_shifts_of_day(p_plant_iot_id integer, p_day date)
RETURNS TABLE (
    shift_id smallint,
    shift_name text,
    working tstzmultirange,
    planned_sec numeric
)
LANGUAGE plpgsql STABLE SECURITY INVOKER
COST 10
ROWS 3
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
BEGIN
    RETURN QUERY
    SELECT e.shift_id, e.shift_name, w.working, gold.fn_seconds(w.working)
    FROM master.fn_shift_entries(p_plant_iot_id, p_day, p_day) AS e
    CROSS JOIN LATERAL (
        SELECT
            CASE
                WHEN e.is_working AND e.starts_at < now()
                    THEN tstzmultirange(tstzrange(e.starts_at, least(e.ends_at, now())))
                        - e.planned_breaks
                ELSE '{}'::tstzmultirange
            END AS working
    ) AS w;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_shifts_of_day(integer, date) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_shifts_of_day(integer, date) IS
    'The shifts of a plant for a business date, and when it works in them, up to now';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_shifts_of_day(integer, date) TO setu_etl, setu_reader;
