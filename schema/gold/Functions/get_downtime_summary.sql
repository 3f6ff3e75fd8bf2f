-- change: replace BY gold.get_downtime_summary

-- @community
CREATE FUNCTION gold.get_downtime_summary(
    _machine_id text,
    _company_id text,
    _start_time timestamptz,
    _end_time timestamptz
)
RETURNS TABLE (
    bucket timestamptz,
    downtime_seconds double precision,
    part_count double precision,
    operating_time double precision
)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog
AS $function$
    SELECT
        b.bucket,
        b.total_downtime_seconds,
        b.total_part_count,
        b.total_operating_time
    FROM gold.machine_downtime_hourly AS b
    WHERE b.machine_id = _machine_id
      AND b.company_id = _company_id
      AND b.bucket >= _start_time
      AND b.bucket < _end_time
    ORDER BY b.bucket, b.shift_id;
$function$;
