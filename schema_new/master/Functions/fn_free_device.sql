-- New: a gateway speaks for one machine of a company. One that is taken is refused with who has it.
CREATE FUNCTION master.fn_free_device(p_device_id text, p_company_id text, p_machine_id text)
RETURNS integer
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_device integer;
    v_holder text;
BEGIN
    SELECT d.device_iot_id INTO v_device
    FROM master.device_info AS d WHERE d.device_id = p_device_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no gateway %', coalesce(p_device_id, '(none given)')
            USING ERRCODE = 'no_data_found',
                HINT = format('Run: setu register device %s',
                    master.fn_as_word(coalesce(p_device_id, 'DEVICE')));
    END IF;
    SELECT m.machine_id INTO v_holder
    FROM master.machine_info AS m
    INNER JOIN master.companies AS c ON c.iot_id = m.company_iot_id
    WHERE m.device_iot_id = v_device AND c.company_id = p_company_id
        AND m.machine_id <> p_machine_id;
    IF FOUND THEN
        RAISE EXCEPTION 'cannot give gateway % to machine % because machine % of % has it',
            p_device_id, p_machine_id, v_holder, p_company_id
            USING ERRCODE = 'unique_violation',
                HINT = format('Run: setu register retire machine %s %s',
                    master.fn_as_word(p_company_id), master.fn_as_word(v_holder));
    END IF;
    RETURN v_device;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_free_device(text, text, text) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_free_device(text, text, text) IS
    'The key of a gateway that a company''s machine may have; raises where another one has it';
