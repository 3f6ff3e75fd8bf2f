-- New: makes one row of the rows of a shift, and drops those that no report reads any more.
-- @section function
CREATE FUNCTION gold.fn_merge_running_shifts() RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
    DELETE FROM gold.running_shifts AS r
    WHERE r.logical_date < (now() AT TIME ZONE 'UTC')::date - 4;

    -- One statement: a report sees the rows as they were, or the one that they add up to.
    WITH merged AS (
        DELETE FROM gold.running_shifts AS r
        USING (
            SELECT s.machine_iot_id, s.logical_date, s.shift_id
            FROM gold.running_shifts AS s
            GROUP BY s.machine_iot_id, s.logical_date, s.shift_id
            HAVING count(*) > 1
        ) AS k
        WHERE r.machine_iot_id = k.machine_iot_id AND r.logical_date = k.logical_date
            AND r.shift_id = k.shift_id
        RETURNING
            r.machine_iot_id, r.logical_date, r.shift_id, r.shift_name, r.stops, r.cycles,
            r.cycles_without_std, r.std_sec, r.run_time_sec, r.readings, r.parts,
            r.readings_with_parts, r.rejects, r.readings_with_rejects, r.unpaired_readings
    )
    INSERT INTO gold.running_shifts (
        machine_iot_id, logical_date, shift_id, shift_name, stops, cycles, cycles_without_std,
        std_sec, run_time_sec, readings, parts, readings_with_parts, rejects,
        readings_with_rejects, unpaired_readings
    )
    SELECT
        m.machine_iot_id, m.logical_date, m.shift_id, m.shift_name, sum(m.stops), sum(m.cycles),
        sum(m.cycles_without_std), sum(m.std_sec), sum(m.run_time_sec), sum(m.readings),
        sum(m.parts), sum(m.readings_with_parts), sum(m.rejects), sum(m.readings_with_rejects),
        sum(m.unpaired_readings)
    FROM merged AS m
    GROUP BY m.machine_iot_id, m.logical_date, m.shift_id, m.shift_name
    HAVING sum(m.stops) <> 0 OR sum(m.cycles) <> 0 OR sum(m.readings) <> 0;
$function$;

REVOKE ALL ON FUNCTION gold.fn_merge_running_shifts() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_merge_running_shifts() IS
    'Merges the rows of each machine and shift in gold.running_shifts';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_merge_running_shifts() TO setu_etl;
