-- New: notes machine and business date of a row that changes after its day may have been rolled up.
-- The condition of the triggers excludes rows of the last hours: a day is rolled up half a day
-- after its end.
CREATE FUNCTION gold.fn_note_late_row() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_stop gold.long_stops;
    v_at timestamptz;
    v_machine integer;
    v_until timestamptz;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
        SELECT OLD.machine_iot_id, OLD.logical_date
        WHERE OLD.logical_date BETWEEN '1900-01-01' AND '2300-01-01'
        ON CONFLICT DO NOTHING;
        v_machine := OLD.machine_iot_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
        SELECT NEW.machine_iot_id, NEW.logical_date
        WHERE NEW.logical_date BETWEEN '1900-01-01' AND '2300-01-01'
        ON CONFLICT DO NOTHING;
        v_machine := NEW.machine_iot_id;
    END IF;
    IF TG_ARGV[0] = 'event_time' THEN
        RETURN NULL;
    END IF;

    -- A cycle or a stop ends one that has no end of its own.
    IF TG_ARGV[0] = 'cycle_start' THEN
        v_at := CASE WHEN TG_OP = 'DELETE' THEN OLD.cycle_start ELSE NEW.cycle_start END;
    ELSE
        v_at := CASE WHEN TG_OP = 'DELETE' THEN OLD.down_start ELSE NEW.down_start END;
        v_until := greatest(
            CASE WHEN TG_OP <> 'INSERT' THEN coalesce(OLD.down_end, 'infinity') END,
            CASE WHEN TG_OP <> 'DELETE' THEN coalesce(NEW.down_end, 'infinity') END
        );
        IF v_until = 'infinity' THEN
            v_until := coalesce(gold.fn_next_sign(v_machine, v_at), now());
            IF TG_OP <> 'INSERT' AND OLD.down_end < 'infinity' THEN
                v_until := greatest(v_until, OLD.down_end);
            ELSIF TG_OP <> 'DELETE' AND NEW.down_end < 'infinity' THEN
                v_until := greatest(v_until, NEW.down_end);
            END IF;
        END IF;
        PERFORM gold.fn_note_stale(v_machine, v_at, greatest(v_at, v_until));
    END IF;

    SELECT l.* INTO v_stop
    FROM gold.long_stops AS l
    WHERE l.machine_iot_id = v_machine AND l.is_open AND l.down_start < v_at
    ORDER BY l.down_start DESC
    LIMIT 1;
    IF FOUND AND (v_stop.down_end IS NULL OR v_stop.down_end >= v_at) THEN
        PERFORM gold.fn_note_stale(
            v_machine, v_at, coalesce(
                greatest(v_stop.down_end, gold.fn_next_sign(v_machine, v_at)), now()
            )
        );
        UPDATE gold.long_stops AS l
        SET down_end = NULL
        WHERE l.machine_iot_id = v_machine AND l.down_start = v_stop.down_start
            AND l.down_end IS NOT NULL;
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_note_late_row() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_note_late_row() IS
    'Notes the machine and the business dates for which a row came, changed or was deleted late';

CREATE TRIGGER machine_cycles_late
    AFTER INSERT OR UPDATE ON silver.machine_cycles
    FOR EACH ROW WHEN (NEW.cycle_start < now() - INTERVAL '6 hours')
    EXECUTE FUNCTION gold.fn_note_late_row('cycle_start');

CREATE TRIGGER machine_cycles_gone
    AFTER DELETE ON silver.machine_cycles
    FOR EACH ROW WHEN (OLD.cycle_start < now() - INTERVAL '6 hours')
    EXECUTE FUNCTION gold.fn_note_late_row('cycle_start');

CREATE TRIGGER machine_downtime_late
    AFTER INSERT OR UPDATE ON silver.machine_downtime
    FOR EACH ROW WHEN (NEW.down_start < now() - INTERVAL '6 hours')
    EXECUTE FUNCTION gold.fn_note_late_row('down_start');

CREATE TRIGGER machine_downtime_gone
    AFTER DELETE ON silver.machine_downtime
    FOR EACH ROW WHEN (OLD.down_start < now() - INTERVAL '6 hours')
    EXECUTE FUNCTION gold.fn_note_late_row('down_start');

CREATE TRIGGER machine_focas_late
    AFTER INSERT OR UPDATE ON silver.machine_focas
    FOR EACH ROW WHEN (NEW.event_time < now() - INTERVAL '6 hours')
    EXECUTE FUNCTION gold.fn_note_late_row('event_time');

CREATE TRIGGER machine_focas_gone
    AFTER DELETE ON silver.machine_focas
    FOR EACH ROW WHEN (OLD.event_time < now() - INTERVAL '6 hours')
    EXECUTE FUNCTION gold.fn_note_late_row('event_time');
