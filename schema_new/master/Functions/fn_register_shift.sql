-- New: a shift of a plant, or its new times. What has begun stays (master.shift_calendar).
CREATE FUNCTION master.fn_register_shift(
    p_company_id text,
    p_plant_id text,
    p_shift_id smallint,
    p_start_time time,
    p_end_time time,
    p_shift_name text DEFAULT NULL,
    p_from_day smallint DEFAULT 0,
    p_to_day smallint DEFAULT NULL
)
RETURNS TABLE (kind text, key text, number integer, outcome text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_company integer := master.fn_known_company(p_company_id);
    v_plant integer := master.fn_known_plant(p_company_id, p_plant_id);
    -- One that ends before it begins goes across midnight.
    v_to_day smallint := coalesce(
        p_to_day, CASE WHEN p_end_time <= p_start_time THEN 1 ELSE p_from_day END::smallint
    );
BEGIN
    kind := 'shift';
    key := format('%s/%s/%s', p_company_id, p_plant_id, p_shift_id);
    number := p_shift_id;

    IF NOT EXISTS (
        SELECT 1 FROM master.shift_definitions AS s
        WHERE s.plant_iot_id = v_plant AND s.shift_id = p_shift_id
    ) THEN
        INSERT INTO master.shift_definitions (
            company_iot_id, plant_iot_id, shift_id, shift_name, start_time, end_time, from_day,
            to_day
        )
        VALUES (
            v_company, v_plant, p_shift_id, p_shift_name, p_start_time, p_end_time, p_from_day,
            v_to_day
        );
        outcome := 'added';
        RETURN NEXT;
        RETURN;
    END IF;

    UPDATE master.shift_definitions AS s
    SET shift_name = coalesce(p_shift_name, s.shift_name),
        start_time = p_start_time,
        end_time = p_end_time,
        from_day = p_from_day,
        to_day = v_to_day,
        is_running = true
    WHERE s.plant_iot_id = v_plant AND s.shift_id = p_shift_id
        AND (s.shift_name, s.start_time, s.end_time, s.from_day, s.to_day, s.is_running)
        IS DISTINCT FROM (
            coalesce(p_shift_name, s.shift_name), p_start_time, p_end_time, p_from_day, v_to_day,
            true
        );
    outcome := CASE WHEN FOUND THEN 'changed' ELSE 'unchanged' END;
    RETURN NEXT;
END
$function$;

REVOKE ALL ON FUNCTION
    master.fn_register_shift(text, text, smallint, time, time, text, smallint, smallint)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    master.fn_register_shift(text, text, smallint, time, time, text, smallint, smallint)
TO setu_admin;

COMMENT ON FUNCTION
    master.fn_register_shift(text, text, smallint, time, time, text, smallint, smallint) IS
    'Adds a shift of a plant, or changes it from the next one on; says added, changed or unchanged';
