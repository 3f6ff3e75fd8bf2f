-- @section function
-- @community
CREATE FUNCTION gold.get_cycle_summary(
    _machine_iot_id integer,
    _company_iot_id integer,
    _start_time timestamptz,
    _end_time timestamptz
)
RETURNS TABLE (
    bucket timestamptz,
    total_cycles bigint,
    avg_cycle_time numeric,
    avg_load_unload numeric,
    total_load_unload_exceeded numeric
)
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT
        a.bucket,
        a.total_cycles,
        a.avg_cycle_time,
        a.avg_load_unload,
        a.total_load_unload_exceeded
    FROM gold.machine_cycle_stats_hourly AS a
    WHERE a.machine_iot_id = _machine_iot_id
        AND a.company_iot_id = _company_iot_id
        AND a.bucket >= _start_time
        AND a.bucket < _end_time
    ORDER BY a.bucket, a.shift_id
$function$;

-- @community
REVOKE ALL ON FUNCTION gold.get_cycle_summary(integer, integer, timestamptz, timestamptz)
FROM PUBLIC;

-- @community
COMMENT ON FUNCTION gold.get_cycle_summary(integer, integer, timestamptz, timestamptz) IS
    'Cycles of a machine by hour that is over, start included, end not; one row for each shift';

-- @section grants
-- @community
GRANT EXECUTE ON FUNCTION gold.get_cycle_summary(integer, integer, timestamptz, timestamptz)
TO setu_reader;
