-- New: the fast path of the load of cycles: machines of a batch whose rows are all in order. Each row
-- starts after the machine's last cycle, at an instant of its own, and can be loaded. So it needs no
-- merge, the cycle before it is the row before it or the cached one, and silver cannot hold it yet.
-- A machine with any other row is left to the slow path, whole; slow_machines says which those are.
CREATE FUNCTION _etl.fn_load_new_cycles(
    p_after_id bigint,
    p_fence_id bigint,
    p_since timestamptz,
    p_limit integer,
    p_slow_machines bigint[],
    p_future_limit interval,
    p_checks_sender boolean
)
RETURNS TABLE (
    last_id bigint,
    last_ts timestamptz,
    rows_read bigint,
    rows_loaded bigint,
    rows_late bigint,
    rows_sender_mismatch bigint,
    slow_machines bigint[]
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
-- Sorts and hash tables of a batch fit in memory.
SET work_mem = '64MB'
-- Bronze is read in the order of its index. A sort would read a whole backlog for each batch.
SET enable_bitmapscan = off
-- Old rows may open batches of the column store; what one transaction opens is bounded by its batch.
SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0
AS $function$
BEGIN
    RETURN QUERY
    -- While a row is narrow and as it was sorted, a look at its neighbours costs least.
    WITH ordered AS (
        SELECT
            r.*,
            -- Minus infinity: there is none before it in the batch. No row that can be loaded ends then.
            lag(r.cycle_end, 1, '-infinity') OVER batch AS previous_end,
            lead(r.cycle_start) OVER batch AS next_start
        FROM _etl.fn_next_cycles(p_after_id, p_fence_id, p_since, p_limit) AS r
        WINDOW batch AS (PARTITION BY r.machine_iot_id ORDER BY r.cycle_start)
    ),
    machines AS MATERIALIZED (
        SELECT m.*, s.last_cycle_start, s.last_cycle_end
        FROM _etl.v_machines AS m
        INNER JOIN silver.latest_cycle_state AS s ON s.machine_iot_id = m.machine_iot_id
        WHERE m.timezone IS NOT NULL AND m.machine_iot_id <> ALL (p_slow_machines)
    ),
    localized AS (
        SELECT
            o.*, m.company_iot_id, m.plant_iot_id, o.device_id <> m.device_id AS is_mismatch,
            CASE WHEN o.previous_end = '-infinity' THEN m.last_cycle_end ELSE o.previous_end END AS end_before,
            CASE WHEN v.is_valid THEN o.cycle_start AT TIME ZONE m.timezone END AS wall
        FROM ordered AS o
        LEFT JOIN machines AS m ON m.machine_iot_id = o.machine_iot_id
        CROSS JOIN LATERAL (
            SELECT o.cycle_start > m.last_cycle_start
                AND o.cycle_start IS DISTINCT FROM o.next_start
                AND o.cycle_start >= '1970-01-01 00:00:00+00' AND o.cycle_start < '2200-01-01 00:00:00+00'
                AND o.cycle_start <= o.time + p_future_limit
                AND (o.cycle_end IS NULL OR o.cycle_end >= o.cycle_start
                    AND o.cycle_end <= o.cycle_start + INTERVAL '596520 hours')
                AND (o.std_load_unload IS NULL OR o.std_load_unload BETWEEN -2147483648 AND 2147483647)
                AND (o.std_cycle_time IS NULL OR o.std_cycle_time BETWEEN -2147483648 AND 2147483647)
                AND (o.down_threshold IS NULL OR o.down_threshold BETWEEN -2147483648 AND 2147483647)
                AND (m.device_id IS NULL OR m.device_id = o.device_id OR NOT p_checks_sender) AS is_valid
        ) AS v
        OFFSET 0  -- worked out once a row; the planner would copy it to wherever it is used
    ),
    enriched AS MATERIALIZED (
        SELECT l.*, l.wall::date - coalesce(w.days_back, 0) AS logical_date, w.shift_id, w.shift_name
        FROM (SELECT f.*, f.wall::date AS wall_date, f.wall::time AS wall_time FROM localized AS f OFFSET 0) AS l
        LEFT JOIN master.v_shift_windows AS w
            ON w.plant_iot_id = l.plant_iot_id
            AND l.wall_time >= w.starts_at AND l.wall_time < w.ends_before
    ),
    slow AS MATERIALIZED (
        SELECT DISTINCT e.machine_iot_id FROM enriched AS e WHERE e.wall IS NULL
    ),
    valid AS NOT MATERIALIZED (
        SELECT e.* FROM enriched AS e
        WHERE NOT EXISTS (SELECT 1 FROM slow)
            OR e.machine_iot_id NOT IN (SELECT s.machine_iot_id FROM slow AS s)
    ),
    written AS (
        INSERT INTO silver.machine_cycles (
            logical_date, company_iot_id, machine_iot_id, shift_id, shift_name, cycle_start, cycle_end,
            program_no, std_load_unload, std_cycle_time, actual_load_unload, actual_cycle_time,
            down_threshold
        )
        SELECT
            v.logical_date, v.company_iot_id, v.machine_iot_id, coalesce(v.shift_id, 0::smallint),
            CASE WHEN v.shift_id IS NULL THEN 'UNKNOWN' ELSE v.shift_name END, v.cycle_start, v.cycle_end,
            v.program_no, v.std_load_unload, v.std_cycle_time,
            _etl.fn_gap_seconds(v.end_before, v.cycle_start),
            _etl.fn_run_seconds(v.cycle_start, v.cycle_end), v.down_threshold
        FROM valid AS v
    ),
    cached AS (
        UPDATE silver.latest_cycle_state AS t
        SET last_cycle_start = v.cycle_start, last_cycle_end = v.cycle_end, updated_at = clock_timestamp()
        FROM valid AS v
        WHERE t.machine_iot_id = v.machine_iot_id AND v.next_start IS NULL
    )
    SELECT
        max(e.id), max(e.time), count(*), count(*) FILTER (WHERE k.is_fast),
        count(*) FILTER (WHERE e.time < p_since), count(*) FILTER (WHERE k.is_fast AND e.is_mismatch),
        ARRAY(SELECT s.machine_iot_id FROM slow AS s)
    FROM enriched AS e
    CROSS JOIN LATERAL (
        SELECT NOT EXISTS (SELECT 1 FROM slow)
            OR e.machine_iot_id NOT IN (SELECT s.machine_iot_id FROM slow AS s) AS is_fast
    ) AS k;
END
$function$;

REVOKE ALL ON FUNCTION
    _etl.fn_load_new_cycles(bigint, bigint, timestamptz, integer, bigint[], interval, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    _etl.fn_load_new_cycles(bigint, bigint, timestamptz, integer, bigint[], interval, boolean) TO setu_etl;

COMMENT ON FUNCTION
    _etl.fn_load_new_cycles(bigint, bigint, timestamptz, integer, bigint[], interval, boolean) IS
    'Loads the next cycles of machines whose rows are all new; says what it read and which machines are left';
