-- New: what is retired keeps its history and its number. A machine gets a gateway that nobody is,
-- so that its rows are refused, its real gateway is free, and v1 can hold it after a downgrade.
CREATE FUNCTION master.fn_retire(p_kind text, VARIADIC p_key text[])
RETURNS TABLE (kind text, key text, number integer, outcome text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_busy text;
    v_device integer;
    v_stand_in text := 'retired:' || array_to_string(p_key, '/');
BEGIN
    IF (p_kind, cardinality(p_key)) NOT IN (
        ('company', 1), ('plant', 2), ('device', 1), ('machine', 2), ('shift', 3), ('code', 2)
    ) THEN
        RAISE EXCEPTION 'cannot retire a % with the key %', p_kind, array_to_string(p_key, '/')
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Run: setu register retire --help';
    END IF;
    kind := p_kind;
    key := array_to_string(p_key, '/');
    outcome := 'retired';

    CASE p_kind
    WHEN 'machine' THEN
        number := master.fn_known_machine(p_key[1], p_key[2]);
        INSERT INTO master.device_info AS d (device_id, description, created_by)
        SELECT v_stand_in, 'Stands for the gateway of a retired machine', session_user
        WHERE NOT EXISTS (SELECT 1 FROM master.device_info AS o WHERE o.device_id = v_stand_in)
        ON CONFLICT (device_id) DO NOTHING;
        SELECT d.device_iot_id INTO v_device
        FROM master.device_info AS d WHERE d.device_id = v_stand_in;
        UPDATE master.machine_info AS m
        SET device_iot_id = v_device
        WHERE m.iot_id = number AND m.device_iot_id IS DISTINCT FROM v_device;
    WHEN 'plant' THEN
        number := master.fn_known_plant(p_key[1], p_key[2]);
        SELECT string_agg(m.machine_id, ', ' ORDER BY m.machine_id) INTO v_busy
        FROM master.plant_machine_mapping AS pm
        INNER JOIN master.machine_info AS m ON m.iot_id = pm.machine_iot_id
        LEFT JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
        WHERE pm.plant_iot_id = number AND NOT starts_with(coalesce(d.device_id, ''), 'retired:');
        UPDATE master.plants AS p
        SET effective_to_date = now()
        WHERE p.iot_id = number AND v_busy IS NULL
            AND coalesce(p.effective_to_date > now(), true);
    WHEN 'company' THEN
        number := master.fn_known_company(p_key[1]);
        SELECT string_agg(m.machine_id, ', ' ORDER BY m.machine_id) INTO v_busy
        FROM master.machine_info AS m
        LEFT JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
        WHERE m.company_iot_id = number AND NOT starts_with(coalesce(d.device_id, ''), 'retired:');
        UPDATE master.companies AS c
        SET effective_to_date = now()
        WHERE c.iot_id = number AND v_busy IS NULL
            AND coalesce(c.effective_to_date > now(), true);
    WHEN 'device' THEN
        SELECT d.device_iot_id INTO number
        FROM master.device_info AS d WHERE d.device_id = p_key[1];
        SELECT string_agg(m.machine_id, ', ' ORDER BY m.machine_id) INTO v_busy
        FROM master.machine_info AS m WHERE m.device_iot_id = number;
        DELETE FROM master.device_info AS d WHERE d.device_iot_id = number AND v_busy IS NULL;
    WHEN 'shift' THEN
        SELECT s.shift_id INTO number
        FROM master.shift_definitions AS s
        WHERE s.plant_iot_id = master.fn_known_plant(p_key[1], p_key[2])
            AND s.shift_id::text = p_key[3];
        UPDATE master.shift_definitions AS s
        SET is_running = false
        WHERE s.plant_iot_id = master.fn_known_plant(p_key[1], p_key[2])
            AND s.shift_id = number AND s.is_running;
    WHEN 'code' THEN
        DELETE FROM master.downtime_code_mapping AS k
        WHERE k.company_iot_id = master.fn_known_company(p_key[1])
            AND k.source_down_id::text = p_key[2]
        RETURNING k.source_down_id INTO number;
    END CASE;

    IF v_busy IS NOT NULL THEN
        RAISE EXCEPTION 'cannot retire % % because machines are at work with it: %',
            kind, key, v_busy
            USING ERRCODE = 'dependent_objects_still_exist',
                HINT = 'Retire or move these machines first';
    END IF;
    IF number IS NULL THEN
        RAISE EXCEPTION 'there is no % %', kind, key
            USING ERRCODE = 'no_data_found', HINT = format('Run: setu register list %s', kind);
    END IF;
    RETURN NEXT;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_retire(text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION master.fn_retire(text, text[]) TO setu_admin;

COMMENT ON FUNCTION master.fn_retire(text, text[]) IS
    'Retires a company, plant, device, machine, shift or a company''s number of a code, by its key';
