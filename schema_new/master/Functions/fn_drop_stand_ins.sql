-- New: a stand-in is the gateway of a retired machine. Once the machine has a gateway again,
-- nothing needs it.
CREATE FUNCTION master.fn_drop_stand_ins() RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    DELETE FROM master.device_info AS d
    WHERE starts_with(d.device_id, 'retired:') AND NOT EXISTS (
        SELECT 1 FROM master.machine_info AS m WHERE m.device_iot_id = d.device_iot_id
    )
$function$;

REVOKE ALL ON FUNCTION master.fn_drop_stand_ins() FROM PUBLIC;

COMMENT ON FUNCTION master.fn_drop_stand_ins() IS
    'Removes the stand-in gateways of machines that have a gateway again';
