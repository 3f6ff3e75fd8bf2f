-- New: a machine is one of a company.
CREATE FUNCTION master.fn_known_machine(p_company_id text, p_machine_id text) RETURNS integer
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_company integer := master.fn_known_company(p_company_id);
    v_machine integer;
BEGIN
    SELECT m.iot_id INTO v_machine
    FROM master.machine_info AS m
    WHERE m.company_iot_id = v_company AND m.machine_id = p_machine_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'company % has no machine %',
            p_company_id, coalesce(p_machine_id, '(none given)')
            USING ERRCODE = 'no_data_found',
                HINT = format('Run: setu register list machine --company %s',
                    master.fn_as_word(p_company_id));
    END IF;
    RETURN v_machine;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_known_machine(text, text) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_known_machine(text, text) IS
    'The key of a company''s machine; raises where the company has none of that id';
