-- New: one batch of machining cycles from bronze into silver, in one statement.
--
-- Two rows of one cycle (same machine, same start) merge column by column: a known value beats an
-- unknown one, and of two known ones the greater stays. That rule gives the same whatever the order
-- and the grouping in which the rows come, so neither batches nor late arrival can show in silver.
--
-- A machine whose rows in the batch are all new goes the short way: each starts after the machine's
-- last cycle, if it has one, at an instant of its own. It needs no merge, the cycle before it is the
-- row before it or the cached one, and silver cannot hold it yet, so it is inserted without ON
-- CONFLICT, whose probe of the index would cost a third of the insert. Any other machine of the batch
-- goes the long way: its rows are merged with one another and with what silver has around them, then
-- stitched.
CREATE FUNCTION _etl.fn_load_machine_cycles(
    p_after_id bigint,
    p_fence_id bigint,
    p_since timestamptz,
    p_limit integer
)
RETURNS TABLE (
    to_id bigint,
    to_ts timestamptz,
    rows_read bigint,
    rows_loaded bigint,
    rows_merged bigint,
    rows_rejected bigint,
    rows_late bigint
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
-- Sorts and hash tables of a batch fit in memory.
SET work_mem = '64MB'
-- Bronze is read in the order of its index. A sort would read a whole backlog for each batch.
SET enable_bitmapscan = off
-- What is grouped by sorting is in the order that the window function needs.
SET enable_hashagg = off
-- A late row opens its batch of the column store, a thousand rows; a fleet that comes back online
-- late must not meet a limit. What one transaction opens is bounded by the size of a batch.
SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0
AS $function$
BEGIN
    WITH picked AS (
        -- The bound on arrival time rules old chunks out; the second half finds what it shuts out.
        SELECT b.*
        FROM (
            (
                SELECT
                    r.id, r.time, r.machine_iot_id, r.cycle_start, r.cycle_end, r.program_no,
                    r.std_load_unload, r.std_cycle_time, r.down_threshold
                FROM bronze.raw_machine_cycles AS r
                WHERE r.id > p_after_id AND r.id <= p_fence_id AND r.time >= p_since
                ORDER BY r.id
                LIMIT p_limit
            )
            UNION ALL
            (
                SELECT
                    r.id, r.time, r.machine_iot_id, r.cycle_start, r.cycle_end, r.program_no,
                    r.std_load_unload, r.std_cycle_time, r.down_threshold
                FROM bronze.raw_machine_cycles AS r
                WHERE r.id > p_after_id AND r.id <= p_fence_id AND r.time < p_since
                ORDER BY r.id
                LIMIT p_limit
            )
        ) AS b
        ORDER BY b.id
        LIMIT p_limit
    ),
    -- While a row is narrow and as it was sorted, a look at its neighbours costs least.
    ordered AS (
        SELECT
            p.*,
            -- Minus infinity: there is none before it in the batch. No row that can be loaded ends then.
            lag(p.cycle_end, 1, '-infinity') OVER batch AS previous_end,
            lead(p.cycle_start) OVER batch AS next_start
        FROM picked AS p
        WINDOW batch AS (PARTITION BY p.machine_iot_id ORDER BY p.cycle_start)
    ),
    machines AS MATERIALIZED (
        SELECT
            m.iot_id,
            m.company_iot_id,
            pl.iot_id AS plant_iot_id,
            coalesce(pl.timezone, 'Asia/Kolkata') AS timezone,
            s.last_cycle_start,
            s.last_cycle_end
        FROM master.machine_info AS m
        LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
        LEFT JOIN master.plants AS pl ON pl.iot_id = pm.plant_iot_id
        LEFT JOIN silver.latest_cycle_state AS s ON s.machine_iot_id = m.iot_id
    ),
    judged AS (
        SELECT
            o.id,
            o.time,
            m.iot_id AS machine_iot_id,
            m.company_iot_id,
            m.plant_iot_id,
            o.cycle_start,
            o.cycle_end,
            o.program_no,
            o.std_load_unload,
            o.std_cycle_time,
            o.down_threshold,
            m.last_cycle_start,
            CASE WHEN o.previous_end = '-infinity' THEN m.last_cycle_end ELSE o.previous_end END AS previous_end,
            o.next_start,
            -- An instant at the end of the calendar has no wall clock in every zone.
            CASE WHEN r.is_usual THEN o.cycle_start AT TIME ZONE m.timezone END AS wall,
            CASE
                WHEN m.iot_id IS NULL THEN 'unknown_machine'
                WHEN o.cycle_start IS NULL THEN 'missing_start'
                WHEN NOT r.is_usual THEN 'start_out_of_range'
                WHEN o.cycle_end < o.cycle_start THEN 'end_before_start'
                -- Seconds from start to end must fit an integer. Hours need no time zone, days do.
                WHEN o.cycle_end > o.cycle_start + INTERVAL '596520 hours' THEN 'end_out_of_range'
                WHEN o.std_load_unload NOT BETWEEN -2147483648 AND 2147483647
                    OR o.std_cycle_time NOT BETWEEN -2147483648 AND 2147483647
                    OR o.down_threshold NOT BETWEEN -2147483648 AND 2147483647
                    THEN 'value_out_of_range'
            END AS reason_code
        FROM ordered AS o
        CROSS JOIN LATERAL (
            SELECT o.cycle_start >= '1970-01-01 00:00:00+00'
                AND o.cycle_start < '2200-01-01 00:00:00+00' AS is_usual
        ) AS r
        LEFT JOIN machines AS m ON m.iot_id = o.machine_iot_id
        -- What is worked out here is worked out once a row; the planner would else copy the
        -- expressions to wherever they are used.
        OFFSET 0
    ),
    walled AS (
        SELECT j.*, j.wall::date AS wall_date, j.wall::time AS wall_time
        FROM judged AS j
        OFFSET 0  -- for the same reason
    ),
    -- Each row as silver takes it if its machine goes the short way. What the next parts read of all
    -- rows stands first.
    placed AS MATERIALIZED (
        SELECT
            w.machine_iot_id,
            w.reason_code,
            w.next_start IS NULL AS is_last,
            w.machine_iot_id IS NOT NULL AND w.last_cycle_start IS NULL AS is_new,
            w.machine_iot_id IS NOT NULL AND (
                w.reason_code IS NOT NULL
                OR coalesce(w.cycle_start <= w.last_cycle_start, false)
                OR coalesce(w.cycle_start = w.next_start, false)
            ) AS is_irregular,
            w.cycle_start,
            w.cycle_end,
            w.id,
            w.time,
            w.wall_date - coalesce(s.days_back, 0) AS logical_date,
            w.company_iot_id,
            coalesce(s.shift_id, 0::smallint) AS shift_id,
            CASE WHEN s.shift_id IS NULL THEN 'UNKNOWN' ELSE s.shift_name END AS shift_name,
            w.program_no,
            w.std_load_unload,
            w.std_cycle_time,
            w.down_threshold,
            CASE WHEN w.reason_code IS NULL THEN _etl.fn_gap_seconds(w.previous_end, w.cycle_start) END
                AS actual_load_unload,
            CASE WHEN w.reason_code IS NULL THEN _etl.fn_run_seconds(w.cycle_start, w.cycle_end) END
                AS actual_cycle_time
        FROM walled AS w
        LEFT JOIN master.v_shift_windows AS s
            ON s.plant_iot_id = w.plant_iot_id
            AND w.wall_time >= s.starts_at
            AND w.wall_time < s.ends_before
    ),
    -- One look at all rows says what the batch does not hold, and spares the parts below their own.
    counted AS (
        SELECT
            count(*) AS rows_read,
            count(p.reason_code) AS rows_rejected,
            count(*) FILTER (WHERE p.time < p_since) AS rows_late,
            bool_or(p.is_new) AS has_new,
            bool_or(p.is_irregular OR p.is_new) AS has_irregular,
            max(p.id) AS last_id,
            max(p.time) AS last_ts
        FROM placed AS p
    ),
    rejected AS (
        INSERT INTO _etl.rejected_rows (pipeline, bronze_id, bronze_time, reason_code, detail, row_data)
        SELECT
            'machine_cycles',
            p.id,
            p.time,
            p.reason_code,
            CASE p.reason_code
                WHEN 'unknown_machine' THEN
                    format('machine_iot_id %s (device %s) is not in master.machine_info',
                        b.machine_iot_id, b.device_id)
                WHEN 'missing_start' THEN 'cycle_start is null'
                WHEN 'start_out_of_range' THEN
                    format('cycle_start %s is not between 1970 and 2200', b.cycle_start)
                WHEN 'end_before_start' THEN
                    format('cycle_end %s is before cycle_start %s', b.cycle_end, b.cycle_start)
                WHEN 'end_out_of_range' THEN
                    format('cycle_end %s is more than 68 years after cycle_start %s', b.cycle_end, b.cycle_start)
                ELSE
                    format('std_load_unload %s, std_cycle_time %s or down_threshold %s is no integer of 32 bits',
                        b.std_load_unload, b.std_cycle_time, b.down_threshold)
            END,
            to_jsonb(b)
        FROM placed AS p
        -- The row as it was sent, read again: to carry it along for the few would cost all the others.
        CROSS JOIN LATERAL (
            SELECT r.*
            FROM bronze.raw_machine_cycles AS r
            WHERE r.id = p.id AND r.time = p.time
            LIMIT 1
        ) AS b
        WHERE p.reason_code IS NOT NULL AND (SELECT c.rows_rejected > 0 FROM counted AS c)
        ON CONFLICT (pipeline, bronze_id) DO NOTHING
    ),
    -- The machines that go the long way, with their last cycle: the cache's, or silver's where the
    -- cache does not know the machine. One that silver does not know either is new, and has no reason
    -- to go it.
    irregular AS MATERIALIZED (
        SELECT
            m.machine_iot_id,
            coalesce(s.last_cycle_start, l.cycle_start) AS last_cycle_start,
            CASE WHEN s.machine_iot_id IS NULL THEN l.cycle_end ELSE s.last_cycle_end END AS last_cycle_end
        FROM (
            SELECT p.machine_iot_id, bool_or(p.is_irregular) AS is_irregular
            FROM placed AS p
            WHERE (p.is_irregular OR p.is_new) AND (SELECT c.has_irregular FROM counted AS c)
            GROUP BY p.machine_iot_id
        ) AS m
        LEFT JOIN silver.latest_cycle_state AS s ON s.machine_iot_id = m.machine_iot_id
        LEFT JOIN LATERAL (
            SELECT c.cycle_start, c.cycle_end
            FROM silver.machine_cycles AS c
            WHERE s.machine_iot_id IS NULL AND c.machine_iot_id = m.machine_iot_id
            ORDER BY c.cycle_start DESC
            LIMIT 1
        ) AS l ON true
        WHERE (m.is_irregular OR l.cycle_start IS NOT NULL) AND (SELECT c.has_irregular FROM counted AS c)
    ),
    incoming AS MATERIALIZED (
        SELECT
            p.machine_iot_id,
            p.cycle_start,
            p.logical_date,
            p.company_iot_id,
            p.shift_id,
            p.shift_name,
            i.last_cycle_start,
            i.last_cycle_end,
            max(p.cycle_end) AS cycle_end,
            max(p.program_no COLLATE "C") AS program_no,
            max(p.std_load_unload)::integer AS std_load_unload,
            max(p.std_cycle_time)::integer AS std_cycle_time,
            max(p.down_threshold)::integer AS down_threshold,
            count(*) AS rows_merged
        FROM placed AS p
        INNER JOIN irregular AS i ON i.machine_iot_id = p.machine_iot_id
        WHERE p.reason_code IS NULL AND (SELECT c.has_irregular FROM counted AS c)
        -- A row for each machine and start: the rest depends on these two.
        GROUP BY p.machine_iot_id, p.cycle_start, p.logical_date, p.company_iot_id, p.shift_id,
            p.shift_name, i.last_cycle_start, i.last_cycle_end
    ),
    -- Only where a cycle is late does silver have to be asked: for the cycle itself, the one before
    -- and the one after it, and the machine's last one.
    neighbours AS MATERIALIZED (
        SELECT DISTINCT ON (n.machine_iot_id, n.cycle_start) n.*
        FROM incoming AS i
        CROSS JOIN LATERAL (
            (
                SELECT c.* FROM silver.machine_cycles AS c
                WHERE c.machine_iot_id = i.machine_iot_id AND c.cycle_start < i.cycle_start
                ORDER BY c.cycle_start DESC
                LIMIT 1
            )
            UNION ALL
            (
                SELECT c.* FROM silver.machine_cycles AS c
                WHERE c.machine_iot_id = i.machine_iot_id
                    AND c.cycle_start IN (i.cycle_start, i.last_cycle_start)
            )
            UNION ALL
            (
                SELECT c.* FROM silver.machine_cycles AS c
                WHERE c.machine_iot_id = i.machine_iot_id AND c.cycle_start > i.cycle_start
                ORDER BY c.cycle_start
                LIMIT 1
            )
        ) AS n
        WHERE i.cycle_start <= i.last_cycle_start AND (SELECT c.has_irregular FROM counted AS c)
    ),
    merged AS (
        SELECT
            machine_iot_id,
            cycle_start,
            coalesce(n.logical_date, i.logical_date) AS logical_date,
            coalesce(n.company_iot_id, i.company_iot_id) AS company_iot_id,
            coalesce(n.shift_id, i.shift_id) AS shift_id,
            CASE WHEN n.shift_id IS NULL THEN i.shift_name ELSE n.shift_name END AS shift_name,
            greatest(n.cycle_end, i.cycle_end) AS cycle_end,
            greatest(n.program_no COLLATE "C", i.program_no) AS program_no,
            greatest(n.std_load_unload, i.std_load_unload) AS std_load_unload,
            greatest(n.std_cycle_time, i.std_cycle_time) AS std_cycle_time,
            greatest(n.down_threshold, i.down_threshold) AS down_threshold,
            n.actual_load_unload,
            n.actual_cycle_time,
            n.shift_id IS NOT NULL AS is_known,
            i.shift_id IS NOT NULL
                AND (n.shift_id IS NULL OR n.cycle_end IS DISTINCT FROM greatest(n.cycle_end, i.cycle_end))
                AS ends_anew,
            i.shift_id IS NOT NULL AND n.shift_id IS NOT NULL
                AND (n.cycle_end, n.program_no, n.std_load_unload, n.std_cycle_time, n.down_threshold)
                    IS DISTINCT FROM (
                        greatest(n.cycle_end, i.cycle_end),
                        greatest(n.program_no COLLATE "C", i.program_no),
                        greatest(n.std_load_unload, i.std_load_unload),
                        greatest(n.std_cycle_time, i.std_cycle_time),
                        greatest(n.down_threshold, i.down_threshold)
                    ) AS is_completed,
            CASE WHEN i.cycle_start > i.last_cycle_start THEN i.last_cycle_end END AS cached_end
        FROM incoming AS i
        FULL JOIN neighbours AS n USING (machine_iot_id, cycle_start)
    ),
    stitched AS (
        SELECT
            m.*,
            lag(m.cycle_end, 1, m.cached_end) OVER previous AS previous_end,
            lag(m.ends_anew, 1, false) OVER previous AS follows_anew,
            lead(m.cycle_start) OVER previous IS NULL AS is_last
        FROM merged AS m
        WINDOW previous AS (PARTITION BY m.machine_iot_id ORDER BY m.cycle_start)
    ),
    mended AS MATERIALIZED (
        SELECT
            s.logical_date,
            s.company_iot_id,
            s.machine_iot_id,
            s.shift_id,
            s.shift_name,
            s.cycle_start,
            s.cycle_end,
            s.program_no,
            s.std_load_unload,
            s.std_cycle_time,
            -- What silver says stands, unless the cycle before it is new or has ended anew.
            CASE
                WHEN s.is_known AND NOT s.follows_anew THEN s.actual_load_unload
                ELSE _etl.fn_gap_seconds(s.previous_end, s.cycle_start)
            END AS actual_load_unload,
            CASE
                WHEN s.is_known AND NOT s.ends_anew THEN s.actual_cycle_time
                ELSE _etl.fn_run_seconds(s.cycle_start, s.cycle_end)
            END AS actual_cycle_time,
            s.down_threshold,
            s.is_known
        FROM stitched AS s
        WHERE NOT s.is_known OR s.is_completed OR s.follows_anew
    ),
    regular AS NOT MATERIALIZED (
        SELECT p.*
        FROM placed AS p
        WHERE p.reason_code IS NULL AND (
            NOT (SELECT c.has_irregular FROM counted AS c)
            OR p.machine_iot_id NOT IN (SELECT i.machine_iot_id FROM irregular AS i)
        )
    ),
    inserted AS (
        INSERT INTO silver.machine_cycles (
            logical_date, company_iot_id, machine_iot_id, shift_id, shift_name, cycle_start,
            cycle_end, program_no, std_load_unload, std_cycle_time, actual_load_unload,
            actual_cycle_time, down_threshold
        )
        SELECT
            r.logical_date, r.company_iot_id, r.machine_iot_id, r.shift_id, r.shift_name, r.cycle_start,
            r.cycle_end, r.program_no, r.std_load_unload, r.std_cycle_time, r.actual_load_unload,
            r.actual_cycle_time, r.down_threshold
        FROM regular AS r
    ),
    inserted_mended AS (
        INSERT INTO silver.machine_cycles (
            logical_date, company_iot_id, machine_iot_id, shift_id, shift_name, cycle_start,
            cycle_end, program_no, std_load_unload, std_cycle_time, actual_load_unload,
            actual_cycle_time, down_threshold
        )
        SELECT
            m.logical_date, m.company_iot_id, m.machine_iot_id, m.shift_id, m.shift_name, m.cycle_start,
            m.cycle_end, m.program_no, m.std_load_unload, m.std_cycle_time, m.actual_load_unload,
            m.actual_cycle_time, m.down_threshold
        FROM mended AS m
        WHERE NOT m.is_known AND (SELECT c.has_irregular FROM counted AS c)
    ),
    -- An upsert and not an UPDATE, which would look for each cycle in every chunk.
    updated_mended AS (
        INSERT INTO silver.machine_cycles AS t (
            logical_date, company_iot_id, machine_iot_id, shift_id, shift_name, cycle_start,
            cycle_end, program_no, std_load_unload, std_cycle_time, actual_load_unload,
            actual_cycle_time, down_threshold
        )
        SELECT
            m.logical_date, m.company_iot_id, m.machine_iot_id, m.shift_id, m.shift_name, m.cycle_start,
            m.cycle_end, m.program_no, m.std_load_unload, m.std_cycle_time, m.actual_load_unload,
            m.actual_cycle_time, m.down_threshold
        FROM mended AS m
        WHERE m.is_known AND (SELECT c.has_irregular FROM counted AS c)
        ON CONFLICT (machine_iot_id, cycle_start) DO UPDATE
        SET cycle_end = excluded.cycle_end,
            program_no = excluded.program_no,
            std_load_unload = excluded.std_load_unload,
            std_cycle_time = excluded.std_cycle_time,
            down_threshold = excluded.down_threshold,
            actual_load_unload = excluded.actual_load_unload,
            actual_cycle_time = excluded.actual_cycle_time
    ),
    -- An UPDATE costs half of an upsert, and does for all that have a state.
    cached AS (
        UPDATE silver.latest_cycle_state AS t
        SET last_cycle_start = r.cycle_start,
            last_cycle_end = r.cycle_end,
            updated_at = clock_timestamp()
        FROM regular AS r
        WHERE t.machine_iot_id = r.machine_iot_id AND r.is_last
    ),
    cached_otherwise AS (
        INSERT INTO silver.latest_cycle_state AS t (machine_iot_id, last_cycle_start, last_cycle_end)
        SELECT s.machine_iot_id, s.cycle_start, s.cycle_end
        FROM stitched AS s
        WHERE s.is_last AND (SELECT c.has_irregular FROM counted AS c)
        UNION ALL
        SELECT r.machine_iot_id, r.cycle_start, r.cycle_end
        FROM regular AS r
        WHERE r.is_last AND r.is_new AND (SELECT c.has_new FROM counted AS c)
        ON CONFLICT (machine_iot_id) DO UPDATE
        SET last_cycle_start = excluded.last_cycle_start,
            last_cycle_end = excluded.last_cycle_end,
            updated_at = clock_timestamp()
        WHERE excluded.last_cycle_start >= t.last_cycle_start
            AND (excluded.last_cycle_start, excluded.last_cycle_end)
                IS DISTINCT FROM (t.last_cycle_start, t.last_cycle_end)
    ),
    repeated AS (
        SELECT
            coalesce((SELECT sum(i.rows_merged) FROM incoming AS i), 0)::bigint
                - (SELECT count(*) FROM mended AS m WHERE NOT m.is_known) AS rows_merged
    )
    SELECT
        CASE WHEN c.rows_read < p_limit THEN p_fence_id ELSE c.last_id END,
        c.last_ts,
        c.rows_read,
        c.rows_read - c.rows_rejected - r.rows_merged,
        r.rows_merged,
        c.rows_rejected,
        c.rows_late
    INTO to_id, to_ts, rows_read, rows_loaded, rows_merged, rows_rejected, rows_late
    FROM counted AS c
    CROSS JOIN repeated AS r;
    RETURN NEXT;
EXCEPTION WHEN unique_violation THEN
    -- Somebody else has written to silver, and the cache lags behind. If there is nothing to mend in
    -- it, the cause is another one.
    IF silver.fn_rebuild_cycle_state() = 0 THEN
        RAISE;
    END IF;
    RETURN QUERY
    SELECT l.* FROM _etl.fn_load_machine_cycles(p_after_id, p_fence_id, p_since, p_limit) AS l;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_load_machine_cycles(bigint, bigint, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_load_machine_cycles(bigint, bigint, timestamptz, integer) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_load_machine_cycles(bigint, bigint, timestamptz, integer) IS
    'Loads the next rows of bronze.raw_machine_cycles, by id, and says what became of them';
