-- New: is_assigned follows from the machines, so that no person maintains it.
CREATE FUNCTION master.fn_assign_device() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    -- A session that gives the device to another machine, or takes it from one, ends first.
    PERFORM 1
    FROM master.device_info AS d
    WHERE d.device_iot_id IN (
            CASE WHEN TG_OP <> 'INSERT' THEN OLD.device_iot_id END,
            CASE WHEN TG_OP <> 'DELETE' THEN NEW.device_iot_id END
        )
    ORDER BY d.device_iot_id
    FOR NO KEY UPDATE;
    UPDATE master.device_info AS d
    SET is_assigned = EXISTS (
        SELECT 1 FROM master.machine_info AS m WHERE m.device_iot_id = d.device_iot_id
    )
    WHERE d.device_iot_id IN (
            CASE WHEN TG_OP <> 'INSERT' THEN OLD.device_iot_id END,
            CASE WHEN TG_OP <> 'DELETE' THEN NEW.device_iot_id END
        )
        AND d.is_assigned <> EXISTS (
            SELECT 1 FROM master.machine_info AS m WHERE m.device_iot_id = d.device_iot_id
        );
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_assign_device() FROM PUBLIC;

COMMENT ON FUNCTION master.fn_assign_device() IS
    'Keeps device_info.is_assigned in step with the machines that have the device';

CREATE TRIGGER machine_info_device
    AFTER INSERT OR DELETE OR UPDATE OF device_iot_id ON master.machine_info
    FOR EACH ROW EXECUTE FUNCTION master.fn_assign_device();
