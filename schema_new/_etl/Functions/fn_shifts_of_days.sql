-- New: the shifts that the rows of a batch may fall into. A function of its own keeps the plan of
-- that query, which takes longer to make than to run; the load around it is planned anew for each
-- batch.
CREATE FUNCTION _etl.fn_shifts_of_days(p_utc_dates date[])
RETURNS TABLE (
    plant_iot_id integer,
    utc_day timestamptz,
    shift_id smallint,
    shift_name text,
    logical_date date,
    starts_at timestamptz,
    ends_before timestamptz
)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $function$
BEGIN
    RETURN QUERY
    SELECT
        w.plant_iot_id, w.utc_date::timestamp AT TIME ZONE 'UTC', w.shift_id, w.shift_name,
        w.logical_date, w.starts_at, w.ends_before
    FROM master.fn_shift_windows(p_utc_dates) AS w;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_shifts_of_days(date[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_shifts_of_days(date[]) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_shifts_of_days(date[]) IS
    'Shifts of all plants that touch the given days of UTC, once for each day; half-open. The '
    'day is its first instant';
