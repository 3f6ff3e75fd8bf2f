-- New: a plant is one of a company; another company's plant of that name is refused by name.
CREATE FUNCTION master.fn_known_plant(p_company_id text, p_plant_id text) RETURNS integer
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_company integer := master.fn_known_company(p_company_id);
    v_plant integer;
    v_others text;
BEGIN
    SELECT p.iot_id INTO v_plant
    FROM master.plants AS p
    WHERE p.company_iot_id = v_company AND p.plant_id = p_plant_id;
    IF FOUND THEN
        RETURN v_plant;
    END IF;
    SELECT string_agg(c.company_id, ', ' ORDER BY c.company_id) INTO v_others
    FROM master.plants AS p
    INNER JOIN master.companies AS c ON c.iot_id = p.company_iot_id
    WHERE p.plant_id = p_plant_id;
    IF v_others IS NOT NULL THEN
        RAISE EXCEPTION 'plant % is not of company %', p_plant_id, p_company_id
            USING ERRCODE = 'foreign_key_violation',
                DETAIL = format('There is a plant %s of: %s.', p_plant_id, v_others),
                HINT = format('Name a plant of %s: setu register list plant --company %s',
                    p_company_id, master.fn_as_word(p_company_id));
    END IF;
    RAISE EXCEPTION 'company % has no plant %', p_company_id, coalesce(p_plant_id, '(none given)')
        USING ERRCODE = 'no_data_found',
            HINT = format('Run: setu register plant %s %s',
                master.fn_as_word(p_company_id),
                master.fn_as_word(coalesce(p_plant_id, 'PLANT')));
END
$function$;

REVOKE ALL ON FUNCTION master.fn_known_plant(text, text) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_known_plant(text, text) IS
    'The key of a company''s plant; raises where the company has none of that id';
