-- New: fn_machine_shifts for dates that are known at run time only. As constants they tell the
-- planner which chunks to leave alone.
-- @section function
CREATE FUNCTION gold.fn_read_machine_shifts(
    p_machine_iot_id integer,
    p_plant_iot_id integer,
    p_from date,
    p_to date
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
ROWS 4  -- nearly always none, and a plan that expects many is compiled at length
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_from date := p_from;
    v_to date := p_to;
    v_until date;
BEGIN
    WHILE v_from <= v_to LOOP
        v_until := least(v_from + 31, v_to);
        RETURN QUERY EXECUTE format(
            $query$
                SELECT
                    s.logical_date, s.shift_id, s.shift_name, s.planned_sec, s.downtime_sec,
                    s.stops, s.cycles, s.cycles_without_std, s.std_sec, s.run_time_sec, s.parts,
                    s.rejects, s.unpaired_readings, s.is_reported
                FROM gold.fn_machine_shifts(%s, %s, DATE %L, DATE %L) AS s
            $query$,
            p_machine_iot_id, coalesce(p_plant_iot_id::text, 'NULL'), v_from, v_until
        );
        v_from := v_until + 1;
    END LOOP;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_read_machine_shifts(integer, integer, date, date) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_read_machine_shifts(integer, integer, date, date) IS
    'As gold.fn_machine_shifts, a month at a time';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_read_machine_shifts(integer, integer, date, date)
TO setu_etl, setu_reader;
