-- change: replace BY gold.get_cycle_summary

-- @community
CREATE FUNCTION gold.get_cycle_summary(
    _machine_id text,
    _company_id text,
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
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog
AS $function$
    SELECT
        b.bucket,
        b.total_cycles,
        b.avg_cycle_time,
        b.avg_load_unload,
        b.total_load_unload_exceeded
    FROM gold.machine_cycle_stats_hourly AS b
    WHERE b.machine_id = _machine_id
      AND b.company_id = _company_id
      AND b.bucket >= _start_time
      AND b.bucket < _end_time
    ORDER BY b.bucket, b.shift_id;
$function$;
