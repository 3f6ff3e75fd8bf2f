-- change: replace BY gold.get_energy_summary

-- @community
CREATE FUNCTION gold.get_energy_summary(
    _machine_id text,
    _company_id text,
    _start_time timestamptz,
    _end_time timestamptz
)
RETURNS TABLE (
    bucket timestamptz,
    category text,
    total_energy double precision
)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog
AS $function$
    SELECT
        b.bucket,
        b.category,
        b.total_energy_consumption
    FROM gold.machine_energy_hourly AS b
    WHERE b.machine_id = _machine_id
      AND b.company_id = _company_id
      AND b.bucket >= _start_time
      AND b.bucket < _end_time
    ORDER BY b.bucket, b.shift_id, b.category;
$function$;
