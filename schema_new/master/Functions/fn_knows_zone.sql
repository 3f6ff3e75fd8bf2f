-- New: an update of tzdata can remove a zone. Its plant then has no shifts; the others work on.
-- @section function
CREATE FUNCTION master.fn_knows_zone(p_timezone text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT SECURITY INVOKER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    RETURN ('2000-01-01 00:00:00+00'::timestamptz AT TIME ZONE p_timezone) IS NOT NULL;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_knows_zone(text) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_knows_zone(text) IS 'Whether this server knows a time zone';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_knows_zone(text) TO setu_etl, setu_reader;
