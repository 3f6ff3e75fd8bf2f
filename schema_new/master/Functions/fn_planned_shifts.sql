-- New: planned time, defined once for all reports by shift, and computed once a plant. It is not
-- inlined: it says how few shifts there are, so that the plan of a report does not look expensive
-- and get compiled.
-- @section function
CREATE FUNCTION master.fn_planned_shifts(p_plant_iot_id integer, p_from date, p_to date)
RETURNS TABLE (
    logical_date date,
    shift_id smallint,
    shift_name text,
    working tstzmultirange,
    planned_sec numeric
)
LANGUAGE plpgsql STABLE SECURITY INVOKER
COST 1000  -- so that a report remembers the answer and does not ask for each machine
ROWS 3
SET search_path = pg_catalog, pg_temp
SET jit = off
-- A report calls it once a plant: to plan it for each takes thrice as long as to run it.
SET plan_cache_mode = force_generic_plan
AS $function$
BEGIN
    RETURN QUERY
    SELECT e.logical_date, e.shift_id, e.shift_name, w.working, gold.fn_seconds(w.working)
    FROM master.fn_shift_entries(p_plant_iot_id, p_from, p_to) AS e
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

REVOKE ALL ON FUNCTION master.fn_planned_shifts(integer, date, date) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_planned_shifts(integer, date, date) IS
    'The shifts of a plant for business dates, and when it works in them, up to now';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_planned_shifts(integer, date, date) TO setu_etl, setu_reader;
