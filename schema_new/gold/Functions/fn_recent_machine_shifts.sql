-- New: fn_machine_shifts for a day that is not over or just over. A function of its own keeps its
-- plan, and avoids JIT compilation, which takes longer than the query.
-- @section function
CREATE FUNCTION gold.fn_recent_machine_shifts(
    p_machine_iot_id integer,
    p_plant_iot_id integer,
    p_day date
)
RETURNS TABLE (
    logical_date date,
    shift_id smallint,
    shift_name text,
    planned_sec numeric,
    downtime_sec numeric,
    stops bigint,
    cycles bigint,
    cycles_without_std bigint,
    std_sec bigint,
    run_time_sec numeric,
    parts bigint,
    rejects bigint,
    unpaired_readings bigint,
    is_reported boolean
)
LANGUAGE plpgsql STABLE SECURITY INVOKER
ROWS 4
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
BEGIN
    RETURN QUERY
    SELECT
        s.logical_date,
        s.shift_id,
        s.shift_name,
        s.planned_sec,
        s.downtime_sec,
        s.stops,
        s.cycles,
        s.cycles_without_std,
        s.std_sec,
        s.run_time_sec,
        s.parts,
        s.rejects,
        s.unpaired_readings,
        s.is_reported
    FROM gold.fn_machine_shifts(
        p_machine_iot_id, p_plant_iot_id, p_day, p_day, now() - INTERVAL '8 days'
    ) AS s;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_recent_machine_shifts(integer, integer, date) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_recent_machine_shifts(integer, integer, date) IS
    'As gold.fn_machine_shifts, for a business date of the last four days';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_recent_machine_shifts(integer, integer, date)
TO setu_etl, setu_reader;
