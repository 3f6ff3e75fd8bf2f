-- New: gold.v_machine_shifts_to_read by date. Nearly always there are no rows, so the plan is kept
-- here and not made for each report.
-- @section function
CREATE FUNCTION gold.fn_read_machine_days()
RETURNS TABLE (
    company_iot_id integer,
    plant_iot_id integer,
    machine_iot_id integer,
    logical_date date,
    planned_sec numeric,
    downtime_sec numeric,
    stops bigint,
    cycles bigint,
    cycles_without_std bigint,
    std_sec bigint,
    run_time_sec numeric,
    scheduled_cycles bigint,
    scheduled_cycles_without_std bigint,
    scheduled_std_sec bigint,
    parts bigint,
    rejects bigint,
    unpaired_readings bigint
)
LANGUAGE plpgsql STABLE SECURITY INVOKER
ROWS 4  -- nearly always none, and a plan that expects many is compiled at length
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
BEGIN
    RETURN QUERY
    SELECT
        s.company_iot_id,
        s.plant_iot_id,
        s.machine_iot_id,
        s.logical_date,
        sum(s.planned_sec),
        sum(s.downtime_sec),
        sum(s.stops)::bigint,
        sum(s.cycles)::bigint,
        sum(s.cycles_without_std)::bigint,
        sum(s.std_sec)::bigint,
        sum(s.run_time_sec),
        sum(CASE WHEN s.shift_id <> 0 THEN s.cycles ELSE 0 END)::bigint,
        sum(CASE WHEN s.shift_id <> 0 THEN s.cycles_without_std ELSE 0 END)::bigint,
        sum(CASE WHEN s.shift_id <> 0 THEN s.std_sec ELSE 0 END)::bigint,
        sum(s.parts)::bigint,
        sum(s.rejects)::bigint,
        sum(s.unpaired_readings)::bigint
    FROM gold.v_machine_shifts_to_read AS s
    GROUP BY s.company_iot_id, s.plant_iot_id, s.machine_iot_id, s.logical_date
    HAVING bool_or(s.is_reported);
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_read_machine_days() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_read_machine_days() IS
    'What each machine did on each older business date that is not rolled up or has late rows';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_read_machine_days() TO setu_etl, setu_reader;
