-- New: fills gold.running_shifts from silver: for the upgrade, and for the owner after rows were
-- written past the triggers.
-- @section function
CREATE FUNCTION gold.fn_count_running_shifts() RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    -- Who writes silver waits, so that each row counts once.
    LOCK TABLE ONLY silver.machine_cycles, ONLY silver.machine_downtime, ONLY silver.machine_focas
        IN SHARE MODE;
    DELETE FROM gold.running_shifts;
    INSERT INTO gold.running_shifts (
        machine_iot_id, logical_date, shift_id, shift_name, stops, cycles, cycles_without_std,
        std_sec, run_time_sec, readings, parts, readings_with_parts, rejects,
        readings_with_rejects, unpaired_readings
    )
    SELECT
        d.machine_iot_id, d.logical_date, d.shift_id, d.shift_name, count(*), 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0
    FROM silver.machine_downtime AS d
    WHERE d.logical_date >= (now() AT TIME ZONE 'UTC')::date - 4
        AND d.down_start >= now() - INTERVAL '8 days'
    GROUP BY d.machine_iot_id, d.logical_date, d.shift_id, d.shift_name
    UNION ALL
    SELECT
        c.machine_iot_id, c.logical_date, c.shift_id, c.shift_name, 0, count(*),
        count(*) FILTER (WHERE c.std_cycle_time IS NULL), coalesce(sum(c.std_cycle_time), 0),
        coalesce(extract(EPOCH FROM sum(c.cycle_end - c.cycle_start) FILTER (
            WHERE c.cycle_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
        )), 0),
        0, 0, 0, 0, 0, 0
    FROM silver.machine_cycles AS c
    WHERE c.logical_date >= (now() AT TIME ZONE 'UTC')::date - 4
        AND c.cycle_start >= now() - INTERVAL '8 days'
    GROUP BY c.machine_iot_id, c.logical_date, c.shift_id, c.shift_name
    UNION ALL
    SELECT
        f.machine_iot_id, f.logical_date, f.shift_id, f.shift_name, 0, 0, 0, 0, 0, count(*),
        coalesce(sum(f.part_count), 0), count(f.part_count),
        coalesce(sum(f.rej_count), 0), count(f.rej_count),
        count(*) FILTER (WHERE (f.part_count IS NULL) <> (f.rej_count IS NULL))
    FROM silver.machine_focas AS f
    WHERE f.logical_date >= (now() AT TIME ZONE 'UTC')::date - 4
        AND f.event_time >= now() - INTERVAL '8 days'
    GROUP BY f.machine_iot_id, f.logical_date, f.shift_id, f.shift_name;
    SELECT gold.fn_merge_running_shifts();
$function$;

REVOKE ALL ON FUNCTION gold.fn_count_running_shifts() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_count_running_shifts() IS
    'Counts silver''s rows of the last business dates anew; who writes silver waits meanwhile';
