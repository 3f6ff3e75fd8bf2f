-- New: the fast path of the load of cycles: machines of a batch whose rows are all in order. Each
-- row starts after the machine's last cycle, at an instant of its own, and can be loaded. So it
-- needs no merge, the cycle before it is the row before it or the cached one, and silver cannot
-- hold it yet. All rows of any other machine are left to the slow path; slow_machines lists those
-- machines.
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
-- The day of an instant is that of UTC, and a day has 24 hours.
SET timezone = 'UTC'
-- Sorts and hash tables of a batch fit in memory.
SET work_mem = '64MB'
-- Bronze is read in the order of its index. A sort would read a whole backlog for each batch.
SET enable_bitmapscan = off
-- Rows stay in the order of machines, in which their index entries are next to each other.
SET enable_mergejoin = off
-- Old rows may decompress batches of the column store; the size of the batch bounds how many.
SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0
AS $function$
BEGIN
    RETURN QUERY
    -- Reading the neighbours is cheapest while rows are narrow and sorted.
    WITH ordered AS (
        SELECT
            r.id, r.time, r.device_id, r.machine_iot_id, r.cycle_start, r.cycle_end, r.program_no,
            r.std_load_unload, r.std_cycle_time, r.down_threshold,
            -- Minus infinity: no row precedes it in the batch. No valid row ends at that instant.
            lag(r.cycle_end, 1, '-infinity') OVER batch AS previous_end,
            lead(r.cycle_start) OVER batch AS next_start
        FROM _etl.fn_next_cycles(p_after_id, p_fence_id, p_since, p_limit) AS r
        WINDOW batch AS (PARTITION BY r.machine_iot_id ORDER BY r.cycle_start)
    ),
    machines AS MATERIALIZED (
        SELECT
            m.machine_iot_id, m.company_iot_id, m.plant_iot_id, m.timezone, m.device_id,
            s.last_cycle_start, s.last_cycle_end
        FROM _etl.v_machines AS m
        INNER JOIN silver.latest_cycle_state AS s ON s.machine_iot_id = m.machine_iot_id
        WHERE m.timezone IS NOT NULL AND m.machine_iot_id <> ALL (p_slow_machines)
    ),
    validated AS MATERIALIZED (
        SELECT
            o.machine_iot_id,
            -- In the order of the machine's cycles, and such that silver can hold it.
            coalesce(
                o.cycle_start > m.last_cycle_start AND o.cycle_start IS DISTINCT FROM o.next_start
                    AND o.cycle_start >= '1970-01-01' AND o.cycle_start < '2200-01-01'
                    AND (o.cycle_start <= o.time OR o.cycle_start <= o.time + p_future_limit)
                    AND coalesce(o.cycle_end BETWEEN o.cycle_start
                        AND o.cycle_start + INTERVAL '596520 hours', true)
                    AND coalesce(o.std_load_unload BETWEEN -2147483648 AND 2147483647, true)
                    AND coalesce(o.std_cycle_time BETWEEN -2147483648 AND 2147483647, true)
                    AND coalesce(o.down_threshold BETWEEN -2147483648 AND 2147483647, true)
                    AND (m.device_id IS NULL OR m.device_id = o.device_id OR NOT p_checks_sender),
                false
            ) AS is_valid,
            o.next_start, o.cycle_start, o.cycle_end, o.id, o.time,
            NOT p_checks_sender AND o.device_id <> m.device_id AS is_mismatch,
            CASE WHEN o.previous_end = '-infinity' THEN m.last_cycle_end ELSE o.previous_end END
                AS previous_end,
            m.company_iot_id, m.plant_iot_id, m.timezone,
            -- Computed once, and not by a conversion to date, which takes ten times as long.
            CASE WHEN o.cycle_start >= '1970-01-01' AND o.cycle_start < '2200-01-01'
                THEN date_bin(INTERVAL '1 day', o.cycle_start, '1970-01-01')
            END AS utc_day,
            o.program_no, o.std_load_unload, o.std_cycle_time, o.down_threshold
        FROM ordered AS o
        LEFT JOIN machines AS m ON m.machine_iot_id = o.machine_iot_id
    ),
    -- Reads all rows once for whatever is asked of all of them.
    counted AS MATERIALIZED (
        SELECT
            max(v.id) AS last_id, max(v.time) AS last_ts, count(*) AS rows_read,
            count(*) FILTER (WHERE v.time < p_since) AS rows_late,
            bool_or(v.is_mismatch) AS has_mismatch,
            array_agg(v.machine_iot_id) FILTER (WHERE NOT v.is_valid) AS slow_machines
        FROM validated AS v
    ),
    slow AS MATERIALIZED (
        SELECT DISTINCT m.machine_iot_id
        FROM counted AS c
        CROSS JOIN LATERAL unnest(c.slow_machines) AS m (machine_iot_id)
    ),
    fast AS NOT MATERIALIZED (
        SELECT
            v.machine_iot_id, v.next_start, v.cycle_start, v.cycle_end, v.is_mismatch,
            v.previous_end, v.company_iot_id, v.plant_iot_id, v.timezone, v.utc_day, v.program_no,
            v.std_load_unload, v.std_cycle_time, v.down_threshold
        FROM validated AS v
        WHERE NOT EXISTS (SELECT 1 FROM slow)
            OR v.machine_iot_id NOT IN (SELECT s.machine_iot_id FROM slow AS s)
    ),
    written AS (
        INSERT INTO silver.machine_cycles (
            logical_date, company_iot_id, machine_iot_id, shift_id, shift_name, cycle_start,
            cycle_end, program_no, std_load_unload, std_cycle_time, actual_load_unload,
            actual_cycle_time, down_threshold
        )
        SELECT
            coalesce(w.logical_date, (f.cycle_start AT TIME ZONE f.timezone)::date),
            f.company_iot_id, f.machine_iot_id, coalesce(w.shift_id, 0::smallint),
            CASE WHEN w.shift_id IS NULL THEN 'UNKNOWN' ELSE w.shift_name END,
            f.cycle_start, f.cycle_end, f.program_no, f.std_load_unload, f.std_cycle_time,
            _etl.fn_gap_seconds(f.previous_end, f.cycle_start),
            _etl.fn_run_seconds(f.cycle_start, f.cycle_end), f.down_threshold
        FROM fast AS f
        LEFT JOIN _etl.fn_shifts_of_days(
            ARRAY(
                SELECT d.utc_day::date
                FROM (SELECT DISTINCT v.utc_day FROM validated AS v WHERE v.is_valid) AS d
            )
        ) AS w
            ON w.plant_iot_id = f.plant_iot_id AND w.utc_day = f.utc_day
            AND f.cycle_start >= w.starts_at AND f.cycle_start < w.ends_before
    ),
    cached AS (
        UPDATE silver.latest_cycle_state AS t
        SET last_cycle_start = f.cycle_start, last_cycle_end = f.cycle_end,
            updated_at = clock_timestamp()
        FROM fast AS f
        WHERE t.machine_iot_id = f.machine_iot_id AND f.next_start IS NULL
    )
    SELECT
        c.last_id, c.last_ts, c.rows_read,
        CASE WHEN c.slow_machines IS NULL THEN c.rows_read ELSE (SELECT count(*) FROM fast) END,
        c.rows_late,
        CASE WHEN c.has_mismatch THEN (SELECT count(*) FROM fast AS f WHERE f.is_mismatch)
            ELSE 0 END,
        ARRAY(SELECT s.machine_iot_id FROM slow AS s)
    FROM counted AS c;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_load_new_cycles(
    bigint, bigint, timestamptz, integer, bigint[], interval, boolean
) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_load_new_cycles(
    bigint, bigint, timestamptz, integer, bigint[], interval, boolean
) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_load_new_cycles(
    bigint, bigint, timestamptz, integer, bigint[], interval, boolean
) IS
    'Loads the next cycles of machines whose rows are all new; returns the machines that are left';
