-- New: as gold.fn_note_cycles, for FOCAS readings, which end no stop.
-- lint: allow-file qualified: transition tables have no schema
CREATE FUNCTION gold.fn_note_readings() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
BEGIN
    IF TG_OP = 'DELETE' THEN
        -- gold.fn_count_readings counts others: a trigger for each row stands on every chunk, and
        -- one of them is enough.
        IF OLD.logical_date >= (now() AT TIME ZONE 'UTC')::date - 4 THEN
            INSERT INTO gold.running_shifts (
                machine_iot_id, logical_date, shift_id, shift_name, readings, parts,
                readings_with_parts, rejects, readings_with_rejects, unpaired_readings
            )
            VALUES (
                OLD.machine_iot_id,
                OLD.logical_date,
                OLD.shift_id,
                OLD.shift_name,
                -1,
                -coalesce(OLD.part_count, 0),
                -num_nonnulls(OLD.part_count),
                -coalesce(OLD.rej_count, 0),
                -num_nonnulls(OLD.rej_count),
                CASE WHEN (OLD.part_count IS NULL) <> (OLD.rej_count IS NULL) THEN -1 ELSE 0 END
            );
        END IF;
        INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
        SELECT OLD.machine_iot_id, OLD.logical_date
        WHERE OLD.event_time < now() - INTERVAL '6 hours'
            OR OLD.logical_date <= ((now() - INTERVAL '35 hours') AT TIME ZONE 'UTC')::date;
        RETURN NULL;
    END IF;
    INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
    SELECT DISTINCT c.machine_iot_id, c.logical_date
    FROM changed AS c
    WHERE c.event_time < now() - INTERVAL '6 hours'
        OR c.logical_date <= ((now() - INTERVAL '35 hours') AT TIME ZONE 'UTC')::date;
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
        SELECT DISTINCT b.machine_iot_id, b.logical_date
        FROM before AS b
        WHERE b.event_time < now() - INTERVAL '6 hours'
            OR b.logical_date <= ((now() - INTERVAL '35 hours') AT TIME ZONE 'UTC')::date;
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_note_readings() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_note_readings() IS
    'Notes the machines and business dates whose readings came, changed or went late; '
    'counts those that went';

CREATE TRIGGER machine_focas_inserted
    AFTER INSERT ON silver.machine_focas
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_note_readings();

CREATE TRIGGER machine_focas_updated
    AFTER UPDATE ON silver.machine_focas
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_note_readings();

CREATE TRIGGER machine_focas_deleted
    AFTER DELETE ON silver.machine_focas
    FOR EACH ROW EXECUTE FUNCTION gold.fn_note_readings();
