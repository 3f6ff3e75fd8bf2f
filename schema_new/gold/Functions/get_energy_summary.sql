-- @section function
-- @community
CREATE FUNCTION gold.get_energy_summary(
    _machine_iot_id integer,
    _company_iot_id integer,
    _start_time timestamptz,
    _end_time timestamptz
)
RETURNS TABLE (
    bucket timestamptz,
    category text,
    total_energy numeric
)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- To plan the newest hours in takes longer than to read a week: once a session.
SET plan_cache_mode = force_generic_plan
AS $function$
BEGIN
    RETURN QUERY
    SELECT
        a.bucket,
        a.category,
        a.total_energy_consumption
    FROM gold.machine_energy_hourly AS a
    WHERE a.machine_iot_id = _machine_iot_id
        AND a.company_iot_id = _company_iot_id
        AND a.bucket >= _start_time
        AND a.bucket < _end_time
    ORDER BY a.bucket, a.shift_id, a.category;
END
$function$;

-- @community
REVOKE ALL ON FUNCTION gold.get_energy_summary(integer, integer, timestamptz, timestamptz)
FROM PUBLIC;

-- @community
COMMENT ON FUNCTION gold.get_energy_summary(integer, integer, timestamptz, timestamptz) IS
    'Energy of a machine by hour and category, start included, end not; one row for each shift';

-- @section grants
-- @community
GRANT EXECUTE ON FUNCTION gold.get_energy_summary(integer, integer, timestamptz, timestamptz)
TO setu_reader;
