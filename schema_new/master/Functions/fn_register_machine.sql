-- New: a machine of a company, in one of its plants, with its gateway. The number is drawn here, or
-- is one that a gateway sends already and that no machine has: its rejected rows then load.
CREATE FUNCTION master.fn_register_machine(
    p_company_id text,
    p_machine_id text,
    p_plant_id text,
    p_device_id text,
    p_source_iot_id text DEFAULT NULL,
    p_number integer DEFAULT NULL,
    p_ip_address inet DEFAULT NULL,
    p_port_no integer DEFAULT NULL
)
RETURNS TABLE (kind text, key text, number integer, outcome text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_company integer := master.fn_known_company(p_company_id);
    v_plant integer := master.fn_known_plant(p_company_id, p_plant_id);
    v_device integer;
    v_there record;
    v_holder text;
    v_last bigint;
BEGIN
    PERFORM master.fn_refuse_blank('machine', p_machine_id);
    kind := 'machine';
    key := p_company_id || '/' || p_machine_id;

    SELECT m.iot_id, p.plant_id, d.device_id INTO v_there
    FROM master.machine_info AS m
    LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
    LEFT JOIN master.plants AS p ON p.iot_id = pm.plant_iot_id
    LEFT JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
    WHERE m.company_iot_id = v_company AND m.machine_id = p_machine_id;
    IF FOUND THEN
        IF v_there.iot_id <> p_number THEN
            RAISE EXCEPTION 'cannot give machine % the number % because it has the number %',
                key, p_number, v_there.iot_id
                USING ERRCODE = 'invalid_parameter_value',
                    HINT = format('Let gateway %s send the number %s',
                        p_device_id, v_there.iot_id);
        END IF;
        IF (v_there.plant_id, v_there.device_id) IS DISTINCT FROM (p_plant_id, p_device_id) THEN
            RAISE EXCEPTION 'machine % is registered in plant % with gateway %',
                key, coalesce(v_there.plant_id, '(none)'), coalesce(v_there.device_id, '(none)')
                USING ERRCODE = 'unique_violation',
                    HINT = format('Run: setu register move machine %s %s --plant %s --device %s',
                        master.fn_as_word(p_company_id), master.fn_as_word(p_machine_id),
                        master.fn_as_word(p_plant_id), master.fn_as_word(p_device_id));
        END IF;
        number := v_there.iot_id;
        UPDATE master.machine_info AS m
        SET source_iot_id = coalesce(p_source_iot_id, m.source_iot_id),
            ip_address = coalesce(p_ip_address, m.ip_address),
            port_no = coalesce(p_port_no, m.port_no)
        WHERE m.iot_id = number
            AND (m.source_iot_id, m.ip_address, m.port_no) IS DISTINCT FROM (
                coalesce(p_source_iot_id, m.source_iot_id), coalesce(p_ip_address, m.ip_address),
                coalesce(p_port_no, m.port_no)
            );
        outcome := CASE WHEN FOUND THEN 'changed' ELSE 'unchanged' END;
        RETURN NEXT;
        RETURN;
    END IF;

    v_device := master.fn_free_device(p_device_id, p_company_id, p_machine_id);
    IF p_number IS NOT NULL THEN
        SELECT c.company_id || '/' || m.machine_id INTO v_holder
        FROM master.machine_info AS m
        INNER JOIN master.companies AS c ON c.iot_id = m.company_iot_id
        WHERE m.iot_id = p_number;
        IF FOUND THEN
            RAISE EXCEPTION 'cannot give machine % the number % because machine % has it',
                key, p_number, v_holder
                USING ERRCODE = 'unique_violation',
                    HINT = 'Leave the number out, and let the gateway send the one that is drawn';
        END IF;
        SELECT coalesce(s.last_value, 0) INTO v_last
        FROM pg_sequences AS s
        WHERE s.schemaname = 'master' AND s.sequencename = 'machine_info_iot_id_seq';
        -- Numbers go on behind it, so one far away would use them up.
        IF p_number < 1 OR p_number > v_last + 1000000 THEN
            RAISE EXCEPTION 'cannot give machine % the number % because it is far from the last, %',
                key, p_number, v_last
                USING ERRCODE = 'numeric_value_out_of_range',
                    HINT = 'Leave the number out, and let the gateway send the one that is drawn';
        END IF;
        IF p_number > v_last THEN
            PERFORM setval('master.machine_info_iot_id_seq', p_number);
        END IF;
    END IF;

    INSERT INTO master.machine_info AS m (
        iot_id, machine_id, company_iot_id, device_iot_id, source_iot_id, ip_address, port_no
    )
    OVERRIDING SYSTEM VALUE
    VALUES (
        coalesce(p_number, nextval('master.machine_info_iot_id_seq')::integer),
        p_machine_id, v_company, v_device, coalesce(p_source_iot_id, p_machine_id),
        p_ip_address, p_port_no
    )
    RETURNING m.iot_id INTO number;
    INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)
    VALUES (v_company, v_plant, number);
    outcome := 'added';
    RETURN NEXT;
END
$function$;

REVOKE ALL ON FUNCTION
    master.fn_register_machine(text, text, text, text, text, integer, inet, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    master.fn_register_machine(text, text, text, text, text, integer, inet, integer) TO setu_admin;

COMMENT ON FUNCTION master.fn_register_machine(text, text, text, text, text, integer, inet, integer)
IS 'Adds a machine in a plant with a gateway; says the number that its gateway has to send';
