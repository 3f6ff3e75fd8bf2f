-- New: as gold.fn_count_cycles, for FOCAS readings.
-- lint: allow-file qualified: transition tables have no schema
CREATE FUNCTION gold.fn_count_readings() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
DECLARE
    v_from date := (now() AT TIME ZONE 'UTC')::date - 4;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO gold.running_shifts (
            machine_iot_id, logical_date, shift_id, shift_name, readings, parts,
            readings_with_parts, rejects, readings_with_rejects, unpaired_readings
        )
        SELECT
            c.machine_iot_id,
            c.logical_date,
            c.shift_id,
            c.shift_name,
            count(*),
            coalesce(sum(c.part_count), 0),
            count(c.part_count),
            coalesce(sum(c.rej_count), 0),
            count(c.rej_count),
            count(*) FILTER (WHERE (c.part_count IS NULL) <> (c.rej_count IS NULL))
        FROM changed AS c
        WHERE c.logical_date >= v_from
        GROUP BY c.machine_iot_id, c.logical_date, c.shift_id, c.shift_name;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO gold.running_shifts (
            machine_iot_id, logical_date, shift_id, shift_name, readings, parts,
            readings_with_parts, rejects, readings_with_rejects, unpaired_readings
        )
        SELECT
            u.machine_iot_id,
            u.logical_date,
            u.shift_id,
            u.shift_name,
            sum(u.sign),
            coalesce(sum(u.sign * u.part_count), 0),
            coalesce(sum(u.sign) FILTER (WHERE u.part_count IS NOT NULL), 0),
            coalesce(sum(u.sign * u.rej_count), 0),
            coalesce(sum(u.sign) FILTER (WHERE u.rej_count IS NOT NULL), 0),
            coalesce(
                sum(u.sign) FILTER (WHERE (u.part_count IS NULL) <> (u.rej_count IS NULL)), 0
            )
        FROM (
            SELECT
                1::bigint AS sign, c.machine_iot_id, c.logical_date, c.shift_id, c.shift_name,
                c.part_count, c.rej_count
            FROM changed AS c
            UNION ALL
            SELECT
                -1, b.machine_iot_id, b.logical_date, b.shift_id, b.shift_name,
                b.part_count, b.rej_count
            FROM before AS b
        ) AS u
        WHERE u.logical_date >= v_from
        GROUP BY u.machine_iot_id, u.logical_date, u.shift_id, u.shift_name;
    ELSE
        INSERT INTO gold.running_shifts (
            machine_iot_id, logical_date, shift_id, shift_name, readings, parts,
            readings_with_parts, rejects, readings_with_rejects, unpaired_readings
        )
        SELECT
            r.machine_iot_id,
            r.logical_date,
            r.shift_id,
            r.shift_name,
            -sum(r.readings),
            -sum(r.parts),
            -sum(r.readings_with_parts),
            -sum(r.rejects),
            -sum(r.readings_with_rejects),
            -sum(r.unpaired_readings)
        FROM gold.running_shifts AS r
        GROUP BY r.machine_iot_id, r.logical_date, r.shift_id, r.shift_name
        HAVING sum(r.readings) <> 0;
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_count_readings() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_count_readings() IS
    'Counts the FOCAS readings that came or changed, by machine and shift';

CREATE TRIGGER machine_focas_count_inserted
    AFTER INSERT ON silver.machine_focas
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_count_readings();

CREATE TRIGGER machine_focas_count_updated
    AFTER UPDATE ON silver.machine_focas
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_count_readings();

CREATE TRIGGER machine_focas_count_truncated
    BEFORE TRUNCATE ON silver.machine_focas
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_count_readings();
