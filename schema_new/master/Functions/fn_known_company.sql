-- New: what is registered names its company by the id that people write; one that is not there is
-- refused here, in the same words for all.
CREATE FUNCTION master.fn_known_company(p_company_id text) RETURNS integer
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_company integer;
BEGIN
    SELECT c.iot_id INTO v_company FROM master.companies AS c WHERE c.company_id = p_company_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no company %', coalesce(p_company_id, '(none given)')
            USING ERRCODE = 'no_data_found',
                HINT = format('Run: setu register company %s',
                    master.fn_as_word(coalesce(p_company_id, 'COMPANY')));
    END IF;
    RETURN v_company;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_known_company(text) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_known_company(text) IS
    'The key of a company; raises where there is none';
