-- New: running shifts of one plant may not overlap, or an instant would have two shifts.
CREATE FUNCTION master.fn_refuse_shift_overlap() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_other record;
    v_start interval := NEW.start_time - time '00:00' + NEW.from_day * INTERVAL '24 hours';
    v_end interval := NEW.end_time - time '00:00' + NEW.to_day * INTERVAL '24 hours';
BEGIN
    -- Two sessions that each add half of an overlap see each other through the lock below. With one
    -- snapshot for a whole transaction they would not.
    IF current_setting('transaction_isolation') = 'repeatable read' THEN
        RAISE EXCEPTION 'cannot keep shift % of plant % in a repeatable read transaction',
            NEW.shift_id, NEW.plant_iot_id
            USING ERRCODE = 'invalid_transaction_state',
                DETAIL = 'A shift that another session adds meanwhile could not be seen.',
                HINT = 'Use read committed, the default, or serializable';
    END IF;
    -- The lock that the calendar takes for the same change: with one of its own, two sessions could
    -- take the two in opposite order.
    PERFORM pg_advisory_xact_lock(hashtext('master.shift_calendar'), NEW.plant_iot_id);

    SELECT s.shift_id, s.shift_name, s.start_time, s.end_time
    INTO v_other
    FROM master.shift_definitions AS s
    CROSS JOIN generate_series(-2, 2) AS k (days)
    WHERE s.plant_iot_id = NEW.plant_iot_id
        AND s.id <> NEW.id
        AND s.is_running
        AND v_start < s.end_time - time '00:00' + (s.to_day + k.days) * INTERVAL '24 hours'
        AND s.start_time - time '00:00' + (s.from_day + k.days) * INTERVAL '24 hours' < v_end
    ORDER BY s.shift_id
    LIMIT 1;

    IF FOUND THEN
        RAISE EXCEPTION 'cannot keep shift % of plant % because it overlaps shift % (%)',
            NEW.shift_id, NEW.plant_iot_id, v_other.shift_id,
                coalesce(v_other.shift_name, 'unnamed')
            USING ERRCODE = 'exclusion_violation',
                DETAIL = format('Shift %s runs %s to %s; shift %s runs %s to %s.',
                    NEW.shift_id, NEW.start_time, NEW.end_time,
                    v_other.shift_id, v_other.start_time, v_other.end_time),
                HINT = 'Change the times, or set is_running to false on one of the two';
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_refuse_shift_overlap() FROM PUBLIC;

COMMENT ON FUNCTION master.fn_refuse_shift_overlap() IS
    'Refuses a running shift that overlaps another of its plant, and names the other';

-- After the statement, so that several shifts can be moved in one.
CREATE TRIGGER shift_definitions_overlap
    AFTER INSERT OR UPDATE ON master.shift_definitions
    FOR EACH ROW WHEN (NEW.is_running)
    EXECUTE FUNCTION master.fn_refuse_shift_overlap();
