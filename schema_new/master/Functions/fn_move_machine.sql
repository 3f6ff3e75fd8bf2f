-- New: a machine goes to another plant of its company, or has another gateway from now on.
CREATE FUNCTION master.fn_move_machine(
    p_company_id text,
    p_machine_id text,
    p_plant_id text DEFAULT NULL,
    p_device_id text DEFAULT NULL,
    p_source_iot_id text DEFAULT NULL
)
RETURNS TABLE (kind text, key text, number integer, outcome text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_machine integer := master.fn_known_machine(p_company_id, p_machine_id);
    v_company integer := master.fn_known_company(p_company_id);
    v_plant integer;
    v_device integer;
    v_is_moved boolean := false;
BEGIN
    IF p_plant_id IS NULL AND p_device_id IS NULL AND p_source_iot_id IS NULL THEN
        RAISE EXCEPTION 'cannot move machine % because it is not said where to', p_machine_id
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Give --plant, --device or --source-id';
    END IF;
    kind := 'machine';
    key := p_company_id || '/' || p_machine_id;
    number := v_machine;

    IF p_plant_id IS NOT NULL THEN
        v_plant := master.fn_known_plant(p_company_id, p_plant_id);
        INSERT INTO master.plant_machine_mapping AS pm (
            company_iot_id, plant_iot_id, machine_iot_id
        )
        VALUES (v_company, v_plant, v_machine)
        ON CONFLICT (machine_iot_id) DO UPDATE SET plant_iot_id = excluded.plant_iot_id
        WHERE pm.plant_iot_id <> excluded.plant_iot_id;
        v_is_moved := FOUND;
    END IF;
    IF p_device_id IS NOT NULL THEN
        v_device := master.fn_free_device(p_device_id, p_company_id, p_machine_id);
    END IF;
    UPDATE master.machine_info AS m
    SET device_iot_id = coalesce(v_device, m.device_iot_id),
        source_iot_id = coalesce(p_source_iot_id, m.source_iot_id)
    WHERE m.iot_id = v_machine
        AND (m.device_iot_id, m.source_iot_id) IS DISTINCT FROM (
            coalesce(v_device, m.device_iot_id), coalesce(p_source_iot_id, m.source_iot_id)
        );
    outcome := CASE WHEN FOUND OR v_is_moved THEN 'moved' ELSE 'unchanged' END;
    PERFORM master.fn_drop_stand_ins();
    RETURN NEXT;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_move_machine(text, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION master.fn_move_machine(text, text, text, text, text) TO setu_admin;

COMMENT ON FUNCTION master.fn_move_machine(text, text, text, text, text) IS
    'Moves a machine to another plant of its company, or to another gateway; its number stays';
