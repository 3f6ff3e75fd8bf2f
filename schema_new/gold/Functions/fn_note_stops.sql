-- New: as gold.fn_note_cycles, for stops, which last for days; and keeps gold.long_stops in step.
-- lint: allow-file qualified: transition tables have no schema
CREATE FUNCTION gold.fn_note_stops() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
DECLARE
    v_spans record;
    v_signs record;
BEGIN
    -- gold.fn_resolve_open_stops does not see these rows before they are committed.
    PERFORM pg_advisory_xact_lock_shared(hashtext('long stops'));
    IF TG_OP = 'DELETE' THEN
        -- gold.fn_count_stops counts others: a trigger for each row stands on every chunk, and
        -- one of them is enough.
        IF OLD.logical_date >= (now() AT TIME ZONE 'UTC')::date - 4 THEN
            INSERT INTO gold.running_shifts (
                machine_iot_id, logical_date, shift_id, shift_name, stops
            )
            VALUES (OLD.machine_iot_id, OLD.logical_date, OLD.shift_id, OLD.shift_name, -1);
        END IF;
        -- In the order in which gold.fn_note_signs takes its locks: it may reach an earlier stop.
        PERFORM 1
        FROM gold.long_stops AS l
        WHERE l.machine_iot_id = OLD.machine_iot_id AND l.down_start <= OLD.down_start
        ORDER BY l.machine_iot_id, l.down_start
        FOR UPDATE;
        DELETE FROM gold.long_stops AS l
        WHERE l.machine_iot_id = OLD.machine_iot_id AND l.down_start = OLD.down_start;
        INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
        SELECT OLD.machine_iot_id, OLD.logical_date
        WHERE OLD.down_start < now() - INTERVAL '6 hours'
            OR OLD.logical_date <= ((now() - INTERVAL '35 hours') AT TIME ZONE 'UTC')::date;
        IF OLD.down_start < now() - INTERVAL '6 hours' THEN
            PERFORM gold.fn_note_stale(
                ARRAY[OLD.machine_iot_id],
                ARRAY[OLD.down_start],
                ARRAY[gold.fn_stop_until(OLD.machine_iot_id, OLD.down_start, OLD.down_end)]
            );
        END IF;
        PERFORM gold.fn_note_signs(
            ARRAY[OLD.machine_iot_id], ARRAY[OLD.down_start], ARRAY[OLD.down_start]
        );
        RETURN NULL;
    END IF;

    IF TG_OP = 'UPDATE' THEN
        -- In the order in which gold.fn_note_signs takes its locks.
        PERFORM 1
        FROM gold.long_stops AS l
        WHERE l.machine_iot_id IN (SELECT b.machine_iot_id FROM before AS b)
        ORDER BY l.machine_iot_id, l.down_start
        FOR UPDATE;
        DELETE FROM gold.long_stops AS l
        USING before AS b
        WHERE l.machine_iot_id = b.machine_iot_id AND l.down_start = b.down_start;
        INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
        SELECT DISTINCT b.machine_iot_id, b.logical_date
        FROM before AS b
        WHERE b.down_start < now() - INTERVAL '6 hours'
            OR b.logical_date <= ((now() - INTERVAL '35 hours') AT TIME ZONE 'UTC')::date;
        SELECT
            array_agg(b.machine_iot_id) AS machines,
            array_agg(b.down_start) AS starts,
            array_agg(gold.fn_stop_until(b.machine_iot_id, b.down_start, b.down_end)) AS ends
        INTO v_spans
        FROM before AS b
        WHERE b.down_start < now() - INTERVAL '6 hours';
        PERFORM gold.fn_note_stale(v_spans.machines, v_spans.starts, v_spans.ends);
    END IF;

    INSERT INTO gold.long_stops AS l (machine_iot_id, down_start, down_end, is_open)
    SELECT
        c.machine_iot_id,
        c.down_start,
        nullif(c.down_end, 'infinity'),
        coalesce(c.down_end, 'infinity') = 'infinity'
    FROM changed AS c
    WHERE c.down_end IS NULL OR c.down_end > c.down_start + INTERVAL '24 hours'
    ORDER BY c.machine_iot_id, c.down_start
    ON CONFLICT (machine_iot_id, down_start) DO UPDATE
    SET down_end = excluded.down_end, is_open = excluded.is_open;
    INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
    SELECT DISTINCT c.machine_iot_id, c.logical_date
    FROM changed AS c
    WHERE c.down_start < now() - INTERVAL '6 hours'
        OR c.logical_date <= ((now() - INTERVAL '35 hours') AT TIME ZONE 'UTC')::date;
    SELECT
        array_agg(c.machine_iot_id) AS machines,
        array_agg(c.down_start) AS starts,
        array_agg(gold.fn_stop_until(c.machine_iot_id, c.down_start, c.down_end)) AS ends
    INTO v_spans
    FROM changed AS c
    WHERE c.down_start < now() - INTERVAL '6 hours';
    PERFORM gold.fn_note_stale(v_spans.machines, v_spans.starts, v_spans.ends);

    IF TG_OP = 'UPDATE' THEN
        -- A stop that begins when it began ends the stop that it ended.
        IF NOT EXISTS (
            SELECT b.machine_iot_id, b.down_start FROM before AS b
            EXCEPT ALL
            SELECT c.machine_iot_id, c.down_start FROM changed AS c
        ) THEN
            RETURN NULL;
        END IF;
        SELECT
            array_agg(g.machine_iot_id) AS machines,
            array_agg(g.first_at) AS first_at,
            array_agg(g.last_at) AS last_at
        INTO v_signs
        FROM (
            SELECT b.machine_iot_id, min(b.down_start) AS first_at, max(b.down_start) AS last_at
            FROM before AS b
            GROUP BY b.machine_iot_id, b.logical_date
        ) AS g;
        PERFORM gold.fn_note_signs(v_signs.machines, v_signs.first_at, v_signs.last_at);
    END IF;
    SELECT
        array_agg(g.machine_iot_id) AS machines,
        array_agg(g.first_at) AS first_at,
        array_agg(g.last_at) AS last_at
    INTO v_signs
    FROM (
        SELECT c.machine_iot_id, min(c.down_start) AS first_at, max(c.down_start) AS last_at
        FROM changed AS c
        GROUP BY c.machine_iot_id, c.logical_date
    ) AS g;
    PERFORM gold.fn_note_signs(v_signs.machines, v_signs.first_at, v_signs.last_at);
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_note_stops() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_note_stops() IS
    'Notes the machines and business dates whose stops came, changed or went late; counts '
    'those that went; keeps the stops without an end, and those longer than a day, in '
    'gold.long_stops';

CREATE TRIGGER machine_downtime_inserted
    AFTER INSERT ON silver.machine_downtime
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_note_stops();

CREATE TRIGGER machine_downtime_updated
    AFTER UPDATE ON silver.machine_downtime
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_note_stops();

CREATE TRIGGER machine_downtime_deleted
    AFTER DELETE ON silver.machine_downtime
    FOR EACH ROW EXECUTE FUNCTION gold.fn_note_stops();
