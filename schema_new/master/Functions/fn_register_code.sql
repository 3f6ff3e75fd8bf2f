-- New: a downtime code of the catalogue, and where a company is given, the number by which its
-- gateways mean it.
CREATE FUNCTION master.fn_register_code(
    p_down_code text,
    p_description text DEFAULT NULL,
    p_category text DEFAULT NULL,
    p_threshold_sec integer DEFAULT NULL,
    p_company_id text DEFAULT NULL,
    p_source_down_id integer DEFAULT NULL
)
RETURNS TABLE (kind text, key text, number integer, outcome text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_company integer;
    v_meant text;
BEGIN
    PERFORM master.fn_refuse_blank('code', p_down_code);
    IF (p_company_id IS NULL) <> (p_source_down_id IS NULL) THEN
        RAISE EXCEPTION 'cannot register a number of code % because it is not said whose, or which',
            p_down_code
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Give both company and number, or neither';
    END IF;
    kind := 'code';
    key := p_down_code;

    INSERT INTO master.downtime_codes AS d (down_code, description, category, threshold_sec)
    SELECT p_down_code, p_description, p_category, p_threshold_sec
    -- Draws no number for one that is there.
    WHERE NOT EXISTS (SELECT 1 FROM master.downtime_codes AS o WHERE o.down_code = p_down_code)
    ON CONFLICT (down_code) DO NOTHING
    RETURNING d.down_id INTO number;
    outcome := 'added';
    IF NOT FOUND THEN
        UPDATE master.downtime_codes AS d
        SET description = coalesce(p_description, d.description),
            category = coalesce(p_category, d.category),
            threshold_sec = coalesce(p_threshold_sec, d.threshold_sec)
        WHERE d.down_code = p_down_code
            AND (d.description, d.category, d.threshold_sec) IS DISTINCT FROM (
                coalesce(p_description, d.description), coalesce(p_category, d.category),
                coalesce(p_threshold_sec, d.threshold_sec)
            );
        outcome := CASE WHEN FOUND THEN 'changed' ELSE 'unchanged' END;
        SELECT d.down_id INTO number
        FROM master.downtime_codes AS d WHERE d.down_code = p_down_code;
    END IF;
    RETURN NEXT;

    IF p_company_id IS NULL THEN
        RETURN;
    END IF;
    v_company := master.fn_known_company(p_company_id);
    key := format('%s/%s', p_company_id, p_source_down_id);
    SELECT d.down_code INTO v_meant
    FROM master.downtime_code_mapping AS k
    INNER JOIN master.downtime_codes AS d ON d.down_id = k.down_id
    WHERE k.company_iot_id = v_company AND k.source_down_id = p_source_down_id;
    IF v_meant <> p_down_code THEN
        RAISE EXCEPTION 'number % of company % means %', p_source_down_id, p_company_id, v_meant
            USING ERRCODE = 'unique_violation',
                HINT = format('Run: setu register move code %s %s %s',
                    master.fn_as_word(p_company_id), p_source_down_id,
                    master.fn_as_word(p_down_code));
    END IF;
    outcome := CASE WHEN v_meant IS NULL THEN 'added' ELSE 'unchanged' END;
    INSERT INTO master.downtime_code_mapping AS k (company_iot_id, source_down_id, down_id)
    VALUES (v_company, p_source_down_id, number)
    ON CONFLICT (company_iot_id, source_down_id) DO NOTHING;
    number := p_source_down_id;
    RETURN NEXT;
END
$function$;

REVOKE ALL ON FUNCTION
    master.fn_register_code(text, text, text, integer, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION master.fn_register_code(text, text, text, integer, text, integer)
TO setu_admin;

COMMENT ON FUNCTION master.fn_register_code(text, text, text, integer, text, integer) IS
    'Adds a downtime code, and the number by which a company''s gateways mean it; says what it did';
