-- New: machines whose new cycles need a second look, although they start after the machine's last
-- one: a row of theirs is sent again, or one of the same key was rejected, removed or replaced
-- before. Cycles that start earlier than the last one take the slow path anyway.
CREATE FUNCTION _etl.fn_disputed_machines(
    p_after_id bigint,
    p_fence_id bigint,
    p_future_limit interval
)
RETURNS bigint[]
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- The plan looks expensive and mostly reads nothing, so it would be compiled in vain.
SET jit = off
AS $function$
    SELECT ARRAY(
        SELECT r.machine_iot_id
        FROM _etl.rejected_rows AS r
        WHERE r.pipeline = 'machine_cycles' AND r.is_open
            AND r.resent_id > p_after_id AND r.resent_id <= p_fence_id
        UNION
        SELECT s.machine_iot_id
        FROM silver.latest_cycle_state AS s
        WHERE
            -- Skip the search by machine where nothing is open.
            (
                SELECT EXISTS (
                    SELECT 1 FROM _etl.rejected_rows AS r
                    WHERE r.pipeline = 'machine_cycles' AND r.is_open AND r.event_time IS NOT NULL
                )
            )
            AND EXISTS (
                SELECT 1 FROM _etl.rejected_rows AS r
                WHERE r.pipeline = 'machine_cycles' AND r.is_open
                    AND r.machine_iot_id = s.machine_iot_id AND r.event_time > s.last_cycle_start
                    -- One whose time has not come is not loaded, and a clock that was wrong once
                    -- must not hold the machine up until then.
                    AND r.event_time < clock_timestamp() + p_future_limit + INTERVAL '1 day'
                OFFSET 0
            )
        UNION
        SELECT c.machine_iot_id
        FROM _etl.corrections AS c
        LEFT JOIN silver.latest_cycle_state AS s ON s.machine_iot_id = c.machine_iot_id
        WHERE c.pipeline = 'machine_cycles'
            AND (s.last_cycle_start IS NULL OR c.event_time > s.last_cycle_start)
    )
$function$;

REVOKE ALL ON FUNCTION _etl.fn_disputed_machines(bigint, bigint, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_disputed_machines(bigint, bigint, interval) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_disputed_machines(bigint, bigint, interval) IS
    'Machines whose new cycles may meet a row that was rejected or corrected before';
