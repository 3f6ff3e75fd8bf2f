-- New: after a cycle was changed by hand: its own times, the gap of the one after it, and the
-- machine's last cycle in the state cache, which may lie earlier than before.
CREATE FUNCTION _etl.fn_restitch_cycles(p_machine_iot_id integer, p_cycle_start timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
    v_next timestamptz := (
        SELECT min(c.cycle_start) FROM silver.machine_cycles AS c
        WHERE c.machine_iot_id = p_machine_iot_id AND c.cycle_start > p_cycle_start
    );
    v_start timestamptz;
BEGIN
    FOREACH v_start IN ARRAY ARRAY[p_cycle_start, v_next] LOOP
        UPDATE silver.machine_cycles AS t
        SET actual_load_unload = _etl.fn_gap_seconds(
                (
                    SELECT c.cycle_end FROM silver.machine_cycles AS c
                    WHERE c.machine_iot_id = p_machine_iot_id AND c.cycle_start < v_start
                    ORDER BY c.cycle_start DESC
                    LIMIT 1
                ), v_start
            ),
            actual_cycle_time = CASE
                WHEN v_start = p_cycle_start THEN _etl.fn_run_seconds(t.cycle_start, t.cycle_end)
                ELSE t.actual_cycle_time
            END
        WHERE t.machine_iot_id = p_machine_iot_id AND t.cycle_start = v_start;
    END LOOP;

    WITH last AS (
        SELECT c.cycle_start, c.cycle_end
        FROM silver.machine_cycles AS c
        WHERE c.machine_iot_id = p_machine_iot_id
        ORDER BY c.cycle_start DESC
        LIMIT 1
    ),
    gone AS (
        DELETE FROM silver.latest_cycle_state AS s
        WHERE s.machine_iot_id = p_machine_iot_id AND NOT EXISTS (SELECT 1 FROM last)
    )
    INSERT INTO silver.latest_cycle_state AS t (machine_iot_id, last_cycle_start, last_cycle_end)
    SELECT m.iot_id, l.cycle_start, l.cycle_end
    FROM last AS l
    -- One that was deleted has rows in silver, and no place in the cache.
    INNER JOIN master.machine_info AS m ON m.iot_id = p_machine_iot_id
    ON CONFLICT (machine_iot_id) DO UPDATE
    SET last_cycle_start = excluded.last_cycle_start,
        last_cycle_end = excluded.last_cycle_end,
        updated_at = excluded.updated_at
    WHERE (t.last_cycle_start, t.last_cycle_end)
        IS DISTINCT FROM (excluded.last_cycle_start, excluded.last_cycle_end);
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_restitch_cycles(integer, timestamptz) FROM PUBLIC;

COMMENT ON FUNCTION _etl.fn_restitch_cycles(integer, timestamptz) IS
    'Recomputes what depends on a cycle: its times, the next gap, the state cache';
