-- New: counts the cycles that come and change in gold.running_shifts, once a statement; those that
-- go are counted by gold.fn_note_cycles. The first date is one more than reports read: a day may
-- begin while a transaction lasts.
-- lint: allow-file qualified: transition tables have no schema
CREATE FUNCTION gold.fn_count_cycles() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
DECLARE
    v_from date := (now() AT TIME ZONE 'UTC')::date - 4;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO gold.running_shifts (
            machine_iot_id, logical_date, shift_id, shift_name, cycles, cycles_without_std,
            std_sec, run_time_sec
        )
        SELECT
            c.machine_iot_id,
            c.logical_date,
            c.shift_id,
            c.shift_name,
            count(*),
            count(*) FILTER (WHERE c.std_cycle_time IS NULL),
            coalesce(sum(c.std_cycle_time), 0),
            -- Intervals add up faster than numbers do.
            coalesce(extract(EPOCH FROM sum(c.cycle_end - c.cycle_start) FILTER (
                WHERE c.cycle_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
            )), 0)
        FROM changed AS c
        WHERE c.logical_date >= v_from
        GROUP BY c.machine_iot_id, c.logical_date, c.shift_id, c.shift_name;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO gold.running_shifts (
            machine_iot_id, logical_date, shift_id, shift_name, cycles, cycles_without_std,
            std_sec, run_time_sec
        )
        SELECT
            u.machine_iot_id,
            u.logical_date,
            u.shift_id,
            u.shift_name,
            sum(u.sign),
            coalesce(sum(u.sign) FILTER (WHERE u.std_cycle_time IS NULL), 0),
            coalesce(sum(u.sign * u.std_cycle_time), 0),
            coalesce(extract(EPOCH FROM sum(u.sign * (u.cycle_end - u.cycle_start)) FILTER (
                WHERE u.cycle_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
            )), 0)
        FROM (
            SELECT
                1::bigint AS sign, c.machine_iot_id, c.logical_date, c.shift_id, c.shift_name,
                c.std_cycle_time, c.cycle_start, c.cycle_end
            FROM changed AS c
            UNION ALL
            SELECT
                -1, b.machine_iot_id, b.logical_date, b.shift_id, b.shift_name,
                b.std_cycle_time, b.cycle_start, b.cycle_end
            FROM before AS b
        ) AS u
        WHERE u.logical_date >= v_from
        GROUP BY u.machine_iot_id, u.logical_date, u.shift_id, u.shift_name;
    ELSE
        INSERT INTO gold.running_shifts (
            machine_iot_id, logical_date, shift_id, shift_name, cycles, cycles_without_std,
            std_sec, run_time_sec
        )
        SELECT
            r.machine_iot_id,
            r.logical_date,
            r.shift_id,
            r.shift_name,
            -sum(r.cycles),
            -sum(r.cycles_without_std),
            -sum(r.std_sec),
            -sum(r.run_time_sec)
        FROM gold.running_shifts AS r
        GROUP BY r.machine_iot_id, r.logical_date, r.shift_id, r.shift_name
        HAVING sum(r.cycles) <> 0;
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_count_cycles() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_count_cycles() IS
    'Counts the cycles that came or changed, by machine and shift';

CREATE TRIGGER machine_cycles_count_inserted
    AFTER INSERT ON silver.machine_cycles
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_count_cycles();

CREATE TRIGGER machine_cycles_count_updated
    AFTER UPDATE ON silver.machine_cycles
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_count_cycles();

CREATE TRIGGER machine_cycles_count_truncated
    BEFORE TRUNCATE ON silver.machine_cycles
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_count_cycles();
