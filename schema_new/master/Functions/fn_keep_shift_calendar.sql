-- New: a change of shifts, breaks, days off or zones changes the calendar, for the future only.
CREATE FUNCTION master.fn_keep_shift_calendar() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_plant integer;
BEGIN
    FOR v_plant IN
        SELECT DISTINCT n.key
        FROM unnest(ARRAY[
            CASE WHEN TG_OP <> 'INSERT' THEN (to_jsonb(OLD) ->> TG_ARGV[0])::integer END,
            CASE WHEN TG_OP <> 'DELETE' THEN (to_jsonb(NEW) ->> TG_ARGV[0])::integer END
        ]) AS n (key)
        WHERE n.key IS NOT NULL
    LOOP
        IF TG_WHEN = 'BEFORE' THEN
            -- The past follows the definitions as they are until this change.
            PERFORM master.fn_settle_shifts(
                v_plant,
                h.first_date,
                coalesce(x.first_date - 1, (now() AT TIME ZONE 'UTC' + INTERVAL '14 hours')::date)
            )
            FROM (SELECT master.fn_plant_history_from(v_plant) AS first_date) AS h
            LEFT JOIN master.shift_calendar_extents AS x ON x.plant_iot_id = v_plant
            WHERE h.first_date < x.first_date
                OR (h.first_date IS NOT NULL AND x.first_date IS NULL);
        ELSE
            PERFORM master.fn_plan_shifts(v_plant);
        END IF;
    END LOOP;
    RETURN CASE WHEN TG_WHEN = 'AFTER' THEN NULL WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_keep_shift_calendar() FROM PUBLIC;

COMMENT ON FUNCTION master.fn_keep_shift_calendar() IS
    'Before a change of shifts, breaks, days off or a time zone: writes down the past; after it: '
    'the days ahead';

CREATE TRIGGER shift_definitions_past
    BEFORE INSERT OR UPDATE OR DELETE ON master.shift_definitions
    FOR EACH ROW EXECUTE FUNCTION master.fn_keep_shift_calendar('plant_iot_id');

CREATE TRIGGER shift_definitions_plan
    AFTER INSERT OR UPDATE OR DELETE ON master.shift_definitions
    FOR EACH ROW EXECUTE FUNCTION master.fn_keep_shift_calendar('plant_iot_id');

CREATE TRIGGER shift_breaks_past
    BEFORE INSERT OR UPDATE OR DELETE ON master.shift_breaks
    FOR EACH ROW EXECUTE FUNCTION master.fn_keep_shift_calendar('plant_iot_id');

CREATE TRIGGER shift_breaks_plan
    AFTER INSERT OR UPDATE OR DELETE ON master.shift_breaks
    FOR EACH ROW EXECUTE FUNCTION master.fn_keep_shift_calendar('plant_iot_id');

CREATE TRIGGER plant_days_off_past
    BEFORE INSERT OR UPDATE OR DELETE ON master.plant_days_off
    FOR EACH ROW EXECUTE FUNCTION master.fn_keep_shift_calendar('plant_iot_id');

CREATE TRIGGER plant_days_off_plan
    AFTER INSERT OR UPDATE OR DELETE ON master.plant_days_off
    FOR EACH ROW EXECUTE FUNCTION master.fn_keep_shift_calendar('plant_iot_id');

CREATE TRIGGER plants_past
    BEFORE UPDATE OF timezone ON master.plants
    FOR EACH ROW WHEN (OLD.timezone <> NEW.timezone)
    EXECUTE FUNCTION master.fn_keep_shift_calendar('iot_id');

CREATE TRIGGER plants_plan
    AFTER UPDATE OF timezone ON master.plants
    FOR EACH ROW WHEN (OLD.timezone <> NEW.timezone)
    EXECUTE FUNCTION master.fn_keep_shift_calendar('iot_id');
