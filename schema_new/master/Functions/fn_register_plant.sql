-- New: a plant of a company, or what changed of one that is there. What is null stays as it is.
CREATE FUNCTION master.fn_register_plant(
    p_company_id text,
    p_plant_id text,
    p_plant_name text DEFAULT NULL,
    p_timezone text DEFAULT NULL,
    p_plant_city text DEFAULT NULL,
    p_plant_code text DEFAULT NULL,
    p_is_primary boolean DEFAULT NULL,
    p_cost_per_kwh numeric DEFAULT NULL,
    p_carbon_emission_factor numeric DEFAULT NULL
)
RETURNS TABLE (kind text, key text, number integer, outcome text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_company integer := master.fn_known_company(p_company_id);
BEGIN
    PERFORM master.fn_refuse_blank('plant', p_plant_id);
    kind := 'plant';
    key := p_company_id || '/' || p_plant_id;

    INSERT INTO master.plants AS p (
        company_iot_id, plant_id, plant_name, timezone, plant_city, plant_code, is_primary,
        cost_per_kwh, carbon_emission_factor
    )
    SELECT
        v_company, p_plant_id, coalesce(p_plant_name, p_plant_id),
        coalesce(p_timezone, 'Asia/Kolkata'), p_plant_city, p_plant_code,
        coalesce(p_is_primary, false), coalesce(p_cost_per_kwh, 6),
        coalesce(p_carbon_emission_factor, 0.82)
    -- Draws no number for one that is there.
    WHERE NOT EXISTS (
        SELECT 1 FROM master.plants AS o
        WHERE o.company_iot_id = v_company AND o.plant_id = p_plant_id
    )
    ON CONFLICT (company_iot_id, plant_id) DO NOTHING
    RETURNING p.iot_id INTO number;
    IF FOUND THEN
        outcome := 'added';
        RETURN NEXT;
        RETURN;
    END IF;

    UPDATE master.plants AS p
    SET plant_name = coalesce(p_plant_name, p.plant_name),
        timezone = coalesce(p_timezone, p.timezone),
        plant_city = coalesce(p_plant_city, p.plant_city),
        plant_code = coalesce(p_plant_code, p.plant_code),
        is_primary = coalesce(p_is_primary, p.is_primary),
        cost_per_kwh = coalesce(p_cost_per_kwh, p.cost_per_kwh),
        carbon_emission_factor = coalesce(p_carbon_emission_factor, p.carbon_emission_factor),
        -- One that was retired is at work again.
        effective_to_date = CASE WHEN p.effective_to_date > now() THEN p.effective_to_date END
    WHERE p.company_iot_id = v_company AND p.plant_id = p_plant_id
        AND (
            p.effective_to_date <= now()
            OR (
                p.plant_name, p.timezone, p.plant_city, p.plant_code, p.is_primary, p.cost_per_kwh,
                p.carbon_emission_factor
            ) IS DISTINCT FROM (
                coalesce(p_plant_name, p.plant_name), coalesce(p_timezone, p.timezone),
                coalesce(p_plant_city, p.plant_city), coalesce(p_plant_code, p.plant_code),
                coalesce(p_is_primary, p.is_primary), coalesce(p_cost_per_kwh, p.cost_per_kwh),
                coalesce(p_carbon_emission_factor, p.carbon_emission_factor)
            )
        );
    outcome := CASE WHEN FOUND THEN 'changed' ELSE 'unchanged' END;
    number := master.fn_known_plant(p_company_id, p_plant_id);
    RETURN NEXT;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_register_plant(
    text, text, text, text, text, text, boolean, numeric, numeric
) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION master.fn_register_plant(
    text, text, text, text, text, text, boolean, numeric, numeric
) TO setu_admin;

COMMENT ON FUNCTION master.fn_register_plant(
    text, text, text, text, text, text, boolean, numeric, numeric
) IS 'Adds a plant, or changes what is not null; says its number, and added, changed or unchanged';
