-- New: an entry of the shift calendar that has begun is never changed.
CREATE FUNCTION master.fn_refuse_calendar_change() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    -- The calendar of a plant is deleted with the plant.
    IF OLD.starts_at <= now()
        AND EXISTS (SELECT 1 FROM master.plants AS p WHERE p.iot_id = OLD.plant_iot_id)
    THEN
        RAISE EXCEPTION 'cannot change shift % of plant % on % because it has begun',
            OLD.shift_id, OLD.plant_iot_id, OLD.logical_date
            USING ERRCODE = 'object_not_in_prerequisite_state',
                DETAIL = format('It began at %s.', OLD.starts_at),
                HINT = 'Change master.shift_definitions: the change applies from the next shift on';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_refuse_calendar_change() FROM PUBLIC;

COMMENT ON FUNCTION master.fn_refuse_calendar_change() IS
    'Refuses to change or delete an entry of the shift calendar that has begun';

CREATE TRIGGER shift_calendar_begun
    BEFORE UPDATE OR DELETE ON master.shift_calendar
    FOR EACH ROW EXECUTE FUNCTION master.fn_refuse_calendar_change();
