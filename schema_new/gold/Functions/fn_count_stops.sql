-- New: as gold.fn_count_cycles, for stops: how many began. How long they last is read from silver.
-- lint: allow-file qualified: transition tables have no schema
CREATE FUNCTION gold.fn_count_stops() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
DECLARE
    v_from date := (now() AT TIME ZONE 'UTC')::date - 4;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO gold.running_shifts (
            machine_iot_id, logical_date, shift_id, shift_name, stops
        )
        SELECT c.machine_iot_id, c.logical_date, c.shift_id, c.shift_name, count(*)
        FROM changed AS c
        WHERE c.logical_date >= v_from
        GROUP BY c.machine_iot_id, c.logical_date, c.shift_id, c.shift_name;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO gold.running_shifts (
            machine_iot_id, logical_date, shift_id, shift_name, stops
        )
        SELECT u.machine_iot_id, u.logical_date, u.shift_id, u.shift_name, sum(u.sign)
        FROM (
            SELECT 1 AS sign, c.machine_iot_id, c.logical_date, c.shift_id, c.shift_name
            FROM changed AS c
            UNION ALL
            SELECT -1, b.machine_iot_id, b.logical_date, b.shift_id, b.shift_name
            FROM before AS b
        ) AS u
        WHERE u.logical_date >= v_from
        GROUP BY u.machine_iot_id, u.logical_date, u.shift_id, u.shift_name
        HAVING sum(u.sign) <> 0;
    ELSE
        INSERT INTO gold.running_shifts (
            machine_iot_id, logical_date, shift_id, shift_name, stops
        )
        SELECT r.machine_iot_id, r.logical_date, r.shift_id, r.shift_name, -sum(r.stops)
        FROM gold.running_shifts AS r
        GROUP BY r.machine_iot_id, r.logical_date, r.shift_id, r.shift_name
        HAVING sum(r.stops) <> 0;
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_count_stops() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_count_stops() IS
    'Counts the stops that came or changed, by machine and shift';

CREATE TRIGGER machine_downtime_count_inserted
    AFTER INSERT ON silver.machine_downtime
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_count_stops();

CREATE TRIGGER machine_downtime_count_updated
    AFTER UPDATE ON silver.machine_downtime
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_count_stops();

CREATE TRIGGER machine_downtime_count_truncated
    BEFORE TRUNCATE ON silver.machine_downtime
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_count_stops();
