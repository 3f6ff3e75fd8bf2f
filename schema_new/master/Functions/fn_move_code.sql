-- New: from now on a company's gateways mean another code by a number.
CREATE FUNCTION master.fn_move_code(p_company_id text, p_source_down_id integer, p_down_code text)
RETURNS TABLE (kind text, key text, number integer, outcome text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_company integer := master.fn_known_company(p_company_id);
    v_code integer;
BEGIN
    SELECT d.down_id INTO v_code FROM master.downtime_codes AS d WHERE d.down_code = p_down_code;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no downtime code %', p_down_code
            USING ERRCODE = 'no_data_found',
                HINT = format('Run: setu register code %s --company %s --number %s',
                    master.fn_as_word(p_down_code), master.fn_as_word(p_company_id),
                    p_source_down_id);
    END IF;
    kind := 'code';
    key := format('%s/%s', p_company_id, p_source_down_id);
    number := p_source_down_id;

    UPDATE master.downtime_code_mapping AS k
    SET down_id = v_code
    WHERE k.company_iot_id = v_company AND k.source_down_id = p_source_down_id
        AND k.down_id <> v_code;
    outcome := CASE WHEN FOUND THEN 'moved' ELSE 'unchanged' END;
    IF NOT EXISTS (
        SELECT 1 FROM master.downtime_code_mapping AS k
        WHERE k.company_iot_id = v_company AND k.source_down_id = p_source_down_id
    ) THEN
        RAISE EXCEPTION 'number % of company % means nothing yet', p_source_down_id, p_company_id
            USING ERRCODE = 'no_data_found',
                HINT = format('Run: setu register code %s --company %s --number %s',
                    master.fn_as_word(p_down_code), master.fn_as_word(p_company_id),
                    p_source_down_id);
    END IF;
    RETURN NEXT;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_move_code(text, integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION master.fn_move_code(text, integer, text) TO setu_admin;

COMMENT ON FUNCTION master.fn_move_code(text, integer, text) IS
    'Lets a number of a company''s gateways mean another code for rows that are loaded from now on';
