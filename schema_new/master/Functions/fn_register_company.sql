-- New: a company, or what changed of one that is there. What is null stays as it is.
CREATE FUNCTION master.fn_register_company(
    p_company_id text,
    p_company_name text DEFAULT NULL,
    p_address text DEFAULT NULL,
    p_state text DEFAULT NULL,
    p_country text DEFAULT NULL,
    p_pin_code text DEFAULT NULL,
    p_email_id text DEFAULT NULL,
    p_phone_no text DEFAULT NULL
)
RETURNS TABLE (kind text, key text, number integer, outcome text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    PERFORM master.fn_refuse_blank('company', p_company_id);
    kind := 'company';
    key := p_company_id;

    INSERT INTO master.companies AS c (
        company_id, company_name, address, state, country, pin_code, email_id, phone_no
    )
    SELECT
        p_company_id, coalesce(p_company_name, p_company_id), p_address, p_state, p_country,
        p_pin_code, p_email_id, p_phone_no
    -- Draws no number for one that is there.
    WHERE NOT EXISTS (SELECT 1 FROM master.companies AS o WHERE o.company_id = p_company_id)
    ON CONFLICT (company_id) DO NOTHING
    RETURNING c.iot_id INTO number;
    IF FOUND THEN
        outcome := 'added';
        RETURN NEXT;
        RETURN;
    END IF;

    UPDATE master.companies AS c
    SET company_name = coalesce(p_company_name, c.company_name),
        address = coalesce(p_address, c.address),
        state = coalesce(p_state, c.state),
        country = coalesce(p_country, c.country),
        pin_code = coalesce(p_pin_code, c.pin_code),
        email_id = coalesce(p_email_id, c.email_id),
        phone_no = coalesce(p_phone_no, c.phone_no),
        -- One that was retired is at work again.
        effective_to_date = CASE WHEN c.effective_to_date > now() THEN c.effective_to_date END
    WHERE c.company_id = p_company_id
        AND (
            c.effective_to_date <= now()
            OR (c.company_name, c.address, c.state, c.country, c.pin_code, c.email_id, c.phone_no)
            IS DISTINCT FROM (
                coalesce(p_company_name, c.company_name), coalesce(p_address, c.address),
                coalesce(p_state, c.state), coalesce(p_country, c.country),
                coalesce(p_pin_code, c.pin_code), coalesce(p_email_id, c.email_id),
                coalesce(p_phone_no, c.phone_no)
            )
        );
    outcome := CASE WHEN FOUND THEN 'changed' ELSE 'unchanged' END;
    number := master.fn_known_company(p_company_id);
    RETURN NEXT;
END
$function$;

REVOKE ALL ON FUNCTION
    master.fn_register_company(text, text, text, text, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    master.fn_register_company(text, text, text, text, text, text, text, text) TO setu_admin;

COMMENT ON FUNCTION master.fn_register_company(text, text, text, text, text, text, text, text) IS
    'Adds a company, or changes what is not null; says its number, and added, changed or unchanged';
