-- New: replaces v1's master.get_shift_id, by plant key instead of the plant's text id, which two
-- companies could share.
-- @section function
CREATE FUNCTION master.fn_get_shift_id(p_plant_iot_id integer, p_time timestamptz)
RETURNS smallint
LANGUAGE sql STABLE SECURITY INVOKER PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT s.shift_id FROM master.fn_get_shift(p_plant_iot_id, p_time) AS s
$function$;

REVOKE ALL ON FUNCTION master.fn_get_shift_id(integer, timestamptz) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_get_shift_id(integer, timestamptz) IS
    'Shift id for an instant in a plant; 0 where no shift covers it';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_get_shift_id(integer, timestamptz) TO setu_etl, setu_reader;
