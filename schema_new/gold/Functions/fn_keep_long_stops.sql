-- New: keeps gold.long_stops in step with silver.machine_downtime, whose rows are few.
CREATE FUNCTION gold.fn_keep_long_stops() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM gold.long_stops AS l
        WHERE l.machine_iot_id = OLD.machine_iot_id AND l.down_start = OLD.down_start;
    END IF;
    IF TG_OP <> 'DELETE'
        AND (NEW.down_end IS NULL OR NEW.down_end > NEW.down_start + INTERVAL '24 hours')
    THEN
        INSERT INTO gold.long_stops AS l (machine_iot_id, down_start, down_end, is_open)
        SELECT
            NEW.machine_iot_id,
            NEW.down_start,
            nullif(NEW.down_end, 'infinity'),
            coalesce(NEW.down_end, 'infinity') = 'infinity'
        ON CONFLICT (machine_iot_id, down_start) DO UPDATE
        SET down_end = excluded.down_end, is_open = excluded.is_open;
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_keep_long_stops() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_keep_long_stops() IS
    'Keeps the stops without an end, and those longer than a day, in gold.long_stops';

CREATE TRIGGER machine_downtime_long
    AFTER INSERT OR UPDATE OR DELETE ON silver.machine_downtime
    FOR EACH ROW EXECUTE FUNCTION gold.fn_keep_long_stops();
