-- New: is_assigned cannot be set to another value.
CREATE FUNCTION master.fn_is_assigned() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    NEW.is_assigned := EXISTS (
        SELECT 1 FROM master.machine_info AS m WHERE m.device_iot_id = NEW.device_iot_id
    );
    RETURN NEW;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_is_assigned() FROM PUBLIC;

COMMENT ON FUNCTION master.fn_is_assigned() IS
    'Sets device_info.is_assigned to whether a machine has the device';

CREATE TRIGGER device_info_is_assigned
    BEFORE INSERT OR UPDATE OF is_assigned ON master.device_info
    FOR EACH ROW EXECUTE FUNCTION master.fn_is_assigned();
