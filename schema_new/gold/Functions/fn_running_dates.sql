-- New: the business dates that reports compute while they are read, with the planned time of the
-- plant, once for all its machines. An instant has one shift, so the times of a date's shifts add
-- up.
-- @section function
CREATE FUNCTION gold.fn_running_dates(p_plant_iot_id integer)
RETURNS TABLE (logical_date date, working tstzmultirange, planned_sec numeric)
LANGUAGE plpgsql STABLE SECURITY INVOKER
COST 1000  -- so that a report remembers the answer and does not ask for each machine
ROWS 3
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
    v_today date := (now() AT TIME ZONE 'UTC')::date;
    v_from date := greatest(
        v_today - 3,
        (
            SELECT r.last_date + 1 FROM gold.rolled_up_dates AS r
            WHERE r.plant_iot_id = coalesce(p_plant_iot_id, 0)
        )
    );
BEGIN
    RETURN QUERY
    SELECT d.day, e.working, e.planned_sec
    FROM (
        SELECT v_from + g.days AS day FROM generate_series(0, v_today + 1 - v_from) AS g (days)
    ) AS d
    LEFT JOIN (
        SELECT
            s.logical_date,
            (
                SELECT range_agg(u.piece)
                FROM unnest(array_agg(s.working)) AS w (working)
                CROSS JOIN LATERAL unnest(w.working) AS u (piece)
            ) AS working,
            sum(s.planned_sec) AS planned_sec
        FROM master.fn_planned_shifts(p_plant_iot_id, v_from, v_today + 1) AS s
        GROUP BY s.logical_date
    ) AS e ON e.logical_date = d.day;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_running_dates(integer) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_running_dates(integer) IS
    'The business dates of a plant that are not rolled up, of the last four days and tomorrow, '
    'with their working time and its seconds, until now at most; null: no plant, or no shift on '
    'that date';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_running_dates(integer) TO setu_etl, setu_reader;
