-- New: as master.fn_planned_shifts, by date. An instant has one shift, so the times of a date's
-- shifts add up.
-- @section function
CREATE FUNCTION master.fn_planned_dates(p_plant_iot_id integer, p_from date, p_to date)
RETURNS TABLE (logical_date date, working tstzmultirange, planned_sec numeric)
LANGUAGE plpgsql STABLE SECURITY INVOKER
COST 10
ROWS 3
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $function$
BEGIN
    RETURN QUERY
    SELECT
        s.logical_date,
        coalesce(
            (
                SELECT range_agg(u.piece)
                FROM unnest(array_agg(s.working)) AS w (working)
                CROSS JOIN LATERAL unnest(w.working) AS u (piece)
            ),
            '{}'::tstzmultirange
        ),
        sum(s.planned_sec)
    FROM master.fn_planned_shifts(p_plant_iot_id, p_from, p_to) AS s
    GROUP BY s.logical_date;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_planned_dates(integer, date, date) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_planned_dates(integer, date, date) IS
    'When a plant works on business dates, all shifts together, up to now';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_planned_dates(integer, date, date) TO setu_etl, setu_reader;
