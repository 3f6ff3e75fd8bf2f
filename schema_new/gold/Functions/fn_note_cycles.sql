-- New: notes the days that change after they may have been rolled up: half a day after their end,
-- so rows of the last hours need no note, and not before noon of the next day of UTC. A row of this
-- moment can have such a date where its machine has come from a plant in which the date is over.
-- Once a statement, whatever its rows; TimescaleDB has no transition table for DELETE where there
-- is a column store, so that goes row by row.
-- lint: allow-file qualified: transition tables have no schema
CREATE FUNCTION gold.fn_note_cycles() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
DECLARE
    v_signs record;
BEGIN
    -- gold.fn_resolve_open_stops does not see these rows before they are committed.
    PERFORM pg_advisory_xact_lock_shared(hashtext('long stops'));
    IF TG_OP = 'DELETE' THEN
        -- gold.fn_count_cycles counts others: a trigger for each row stands on every chunk, and
        -- one of them is enough.
        IF OLD.logical_date >= (now() AT TIME ZONE 'UTC')::date - 4 THEN
            INSERT INTO gold.running_shifts (
                machine_iot_id, logical_date, shift_id, shift_name, cycles, cycles_without_std,
                std_sec, run_time_sec
            )
            VALUES (
                OLD.machine_iot_id,
                OLD.logical_date,
                OLD.shift_id,
                OLD.shift_name,
                -1,
                CASE WHEN OLD.std_cycle_time IS NULL THEN -1 ELSE 0 END,
                -coalesce(OLD.std_cycle_time, 0),
                CASE
                    WHEN OLD.cycle_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
                        THEN extract(EPOCH FROM OLD.cycle_start - OLD.cycle_end)
                    ELSE 0
                END
            );
        END IF;
        IF OLD.cycle_start < now() - INTERVAL '6 hours'
            OR OLD.logical_date <= ((now() - INTERVAL '35 hours') AT TIME ZONE 'UTC')::date
        THEN
            INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
            VALUES (OLD.machine_iot_id, OLD.logical_date);
        END IF;
        PERFORM gold.fn_note_signs(
            ARRAY[OLD.machine_iot_id], ARRAY[OLD.cycle_start], ARRAY[OLD.cycle_start]
        );
        RETURN NULL;
    END IF;

    INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
    SELECT DISTINCT c.machine_iot_id, c.logical_date
    FROM changed AS c
    WHERE c.cycle_start < now() - INTERVAL '6 hours'
        OR c.logical_date <= ((now() - INTERVAL '35 hours') AT TIME ZONE 'UTC')::date;

    IF TG_OP = 'UPDATE' THEN
        INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
        SELECT DISTINCT b.machine_iot_id, b.logical_date
        FROM before AS b
        WHERE b.cycle_start < now() - INTERVAL '6 hours'
            OR b.logical_date <= ((now() - INTERVAL '35 hours') AT TIME ZONE 'UTC')::date;
        -- A cycle that begins when it began ends the stop that it ended.
        IF NOT EXISTS (
            SELECT b.machine_iot_id, b.cycle_start FROM before AS b
            EXCEPT ALL
            SELECT c.machine_iot_id, c.cycle_start FROM changed AS c
        ) THEN
            RETURN NULL;
        END IF;
        SELECT
            array_agg(g.machine_iot_id) AS machines,
            array_agg(g.first_at) AS first_at,
            array_agg(g.last_at) AS last_at
        INTO v_signs
        FROM (
            SELECT b.machine_iot_id, min(b.cycle_start) AS first_at, max(b.cycle_start) AS last_at
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
        SELECT c.machine_iot_id, min(c.cycle_start) AS first_at, max(c.cycle_start) AS last_at
        FROM changed AS c
        WHERE EXISTS (
            SELECT 1 FROM gold.long_stops AS l
            WHERE l.machine_iot_id = c.machine_iot_id AND l.is_open
        )
        GROUP BY c.machine_iot_id, c.logical_date
    ) AS g;
    IF v_signs.machines IS NOT NULL THEN
        PERFORM gold.fn_note_signs(v_signs.machines, v_signs.first_at, v_signs.last_at);
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_note_cycles() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_note_cycles() IS
    'Notes the machines and business dates whose cycles came, changed or went late; counts '
    'those that went';

CREATE TRIGGER machine_cycles_inserted
    AFTER INSERT ON silver.machine_cycles
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_note_cycles();

CREATE TRIGGER machine_cycles_updated
    AFTER UPDATE ON silver.machine_cycles
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_note_cycles();

CREATE TRIGGER machine_cycles_deleted
    AFTER DELETE ON silver.machine_cycles
    FOR EACH ROW EXECUTE FUNCTION gold.fn_note_cycles();
