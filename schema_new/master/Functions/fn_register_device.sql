-- New: a gateway, or its new description.
CREATE FUNCTION master.fn_register_device(p_device_id text, p_description text DEFAULT NULL)
RETURNS TABLE (kind text, key text, number integer, outcome text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    PERFORM master.fn_refuse_blank('device', p_device_id);
    kind := 'device';
    key := p_device_id;

    INSERT INTO master.device_info AS d (device_id, description, created_by)
    SELECT p_device_id, p_description, session_user
    -- Draws no number for one that is there.
    WHERE NOT EXISTS (SELECT 1 FROM master.device_info AS o WHERE o.device_id = p_device_id)
    ON CONFLICT (device_id) DO NOTHING
    RETURNING d.device_iot_id INTO number;
    IF FOUND THEN
        outcome := 'added';
        RETURN NEXT;
        RETURN;
    END IF;

    UPDATE master.device_info AS d
    SET description = p_description
    WHERE d.device_id = p_device_id AND p_description IS NOT NULL
        AND d.description IS DISTINCT FROM p_description;
    outcome := CASE WHEN FOUND THEN 'changed' ELSE 'unchanged' END;
    SELECT d.device_iot_id INTO number FROM master.device_info AS d WHERE d.device_id = p_device_id;
    RETURN NEXT;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_register_device(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION master.fn_register_device(text, text) TO setu_admin;

COMMENT ON FUNCTION master.fn_register_device(text, text) IS
    'Adds a gateway, or changes its description; says its number, and added, changed or unchanged';
