-- New: one batch of machining cycles from bronze into silver, in one statement.
--
-- Two rows of one cycle (same machine, same start) merge column by column: a known value beats an
-- unknown one, and of two known ones the greater stays. That rule gives the same whatever the order
-- and the grouping in which the rows come, so neither batches nor late arrival can show in silver.
--
-- Most cycles are their machine's latest, and those take the short way: the cache knows the cycle
-- before them, and silver cannot hold them yet, so they are inserted without ON CONFLICT, whose probe
-- of the index would cost a third of the insert. What is late is looked up in silver.
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
AS $function$
BEGIN
    WITH picked AS (
        -- The bound on arrival time rules old chunks out; the second half finds what it shuts out.
        SELECT b.*
        FROM (
            (
                SELECT r.*, false AS is_late
                FROM bronze.raw_machine_cycles AS r
                WHERE r.id > p_after_id AND r.id <= p_fence_id AND r.time >= p_since
                ORDER BY r.id
                LIMIT p_limit
            )
            UNION ALL
            (
                SELECT r.*, true AS is_late
                FROM bronze.raw_machine_cycles AS r
                WHERE r.id > p_after_id AND r.id <= p_fence_id AND r.time < p_since
                ORDER BY r.id
                LIMIT p_limit
            )
        ) AS b
        ORDER BY b.id
        LIMIT p_limit
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
    judged AS MATERIALIZED (
        SELECT
            p.*,
            m.iot_id,
            m.company_iot_id,
            m.plant_iot_id,
            m.last_cycle_start,
            m.last_cycle_end,
            p.cycle_start AT TIME ZONE m.timezone AS wall,
            CASE
                WHEN m.iot_id IS NULL THEN 'unknown_machine'
                WHEN p.cycle_start IS NULL THEN 'missing_start'
                WHEN p.cycle_start < '1970-01-01 00:00:00+00' OR p.cycle_start >= '2200-01-01 00:00:00+00'
                    THEN 'start_out_of_range'
                WHEN p.cycle_end < p.cycle_start THEN 'end_before_start'
                -- Seconds from start to end must fit an integer. Hours need no time zone, days do.
                WHEN p.cycle_end > p.cycle_start + INTERVAL '596520 hours' THEN 'end_out_of_range'
                WHEN p.std_load_unload NOT BETWEEN -2147483648 AND 2147483647
                    OR p.std_cycle_time NOT BETWEEN -2147483648 AND 2147483647
                    OR p.down_threshold NOT BETWEEN -2147483648 AND 2147483647
                    THEN 'value_out_of_range'
            END AS reason_code
        FROM picked AS p
        LEFT JOIN machines AS m ON m.iot_id = p.machine_iot_id
    ),
    -- One look at all rows says what the batch does not hold, and spares the parts below their own.
    counted AS (
        SELECT
            count(*) AS rows_read,
            count(*) FILTER (WHERE j.reason_code IS NOT NULL) AS rows_rejected,
            count(*) FILTER (WHERE j.is_late) AS rows_late,
            bool_or(j.cycle_start <= j.last_cycle_start) AS has_late_cycle,
            max(j.id) AS last_id,
            max(j.time) AS last_ts
        FROM judged AS j
    ),
    rejected AS (
        INSERT INTO _etl.rejected_rows (pipeline, bronze_id, bronze_time, reason_code, detail, row_data)
        SELECT
            'machine_cycles',
            j.id,
            j.time,
            j.reason_code,
            CASE j.reason_code
                WHEN 'unknown_machine' THEN
                    format('machine_iot_id %s (device %s) is not in master.machine_info',
                        j.machine_iot_id, j.device_id)
                WHEN 'missing_start' THEN 'cycle_start is null'
                WHEN 'start_out_of_range' THEN
                    format('cycle_start %s is not between 1970 and 2200', j.cycle_start)
                WHEN 'end_before_start' THEN
                    format('cycle_end %s is before cycle_start %s', j.cycle_end, j.cycle_start)
                WHEN 'end_out_of_range' THEN
                    format('cycle_end %s is more than 68 years after cycle_start %s', j.cycle_end, j.cycle_start)
                ELSE
                    format('std_load_unload %s, std_cycle_time %s or down_threshold %s is no integer of 32 bits',
                        j.std_load_unload, j.std_cycle_time, j.down_threshold)
            END,
            to_jsonb(j) - ARRAY[
                'is_late', 'iot_id', 'company_iot_id', 'plant_iot_id', 'last_cycle_start',
                'last_cycle_end', 'wall', 'reason_code'
            ]
        FROM judged AS j
        WHERE j.reason_code IS NOT NULL AND (SELECT c.rows_rejected > 0 FROM counted AS c)
        ON CONFLICT (pipeline, bronze_id) DO NOTHING
    ),
    distinct_cycles AS (
        SELECT
            j.iot_id AS machine_iot_id,
            j.cycle_start,
            j.company_iot_id,
            j.plant_iot_id,
            j.wall::date AS wall_date,
            j.wall::time AS wall_time,
            j.last_cycle_start,
            j.last_cycle_end,
            max(j.cycle_end) AS cycle_end,
            max(j.program_no COLLATE "C") AS program_no,
            max(j.std_load_unload)::integer AS std_load_unload,
            max(j.std_cycle_time)::integer AS std_cycle_time,
            max(j.down_threshold)::integer AS down_threshold
        FROM judged AS j
        WHERE j.reason_code IS NULL
        -- A row for each machine and start: the rest depends on these two.
        GROUP BY j.iot_id, j.cycle_start, j.company_iot_id, j.plant_iot_id, j.wall,
            j.last_cycle_start, j.last_cycle_end
    ),
    -- Only where a cycle is late does silver have to be asked: for the cycle itself, the one before
    -- and the one after it, and the machine's last one.
    neighbours AS MATERIALIZED (
        SELECT DISTINCT ON (n.machine_iot_id, n.cycle_start) n.*
        FROM judged AS j
        CROSS JOIN LATERAL (
            (
                SELECT c.* FROM silver.machine_cycles AS c
                WHERE c.machine_iot_id = j.iot_id AND c.cycle_start < j.cycle_start
                ORDER BY c.cycle_start DESC
                LIMIT 1
            )
            UNION ALL
            (
                SELECT c.* FROM silver.machine_cycles AS c
                WHERE c.machine_iot_id = j.iot_id
                    AND c.cycle_start IN (j.cycle_start, j.last_cycle_start)
            )
            UNION ALL
            (
                SELECT c.* FROM silver.machine_cycles AS c
                WHERE c.machine_iot_id = j.iot_id AND c.cycle_start > j.cycle_start
                ORDER BY c.cycle_start
                LIMIT 1
            )
        ) AS n
        WHERE j.reason_code IS NULL AND j.cycle_start <= j.last_cycle_start
            AND (SELECT c.has_late_cycle FROM counted AS c)
    ),
    merged AS (
        SELECT
            machine_iot_id,
            cycle_start,
            n.logical_date,
            coalesce(n.company_iot_id, i.company_iot_id) AS company_iot_id,
            n.shift_id,
            n.shift_name,
            i.plant_iot_id,
            i.wall_date,
            i.wall_time,
            greatest(n.cycle_end, i.cycle_end) AS cycle_end,
            greatest(n.program_no COLLATE "C", i.program_no) AS program_no,
            greatest(n.std_load_unload, i.std_load_unload) AS std_load_unload,
            greatest(n.std_cycle_time, i.std_cycle_time) AS std_cycle_time,
            greatest(n.down_threshold, i.down_threshold) AS down_threshold,
            n.actual_load_unload,
            n.actual_cycle_time,
            n.shift_id IS NOT NULL AS is_known,
            i.company_iot_id IS NOT NULL
                AND (n.shift_id IS NULL OR n.cycle_end IS DISTINCT FROM greatest(n.cycle_end, i.cycle_end))
                AS ends_anew,
            i.company_iot_id IS NOT NULL AND n.shift_id IS NOT NULL
                AND (n.cycle_end, n.program_no, n.std_load_unload, n.std_cycle_time, n.down_threshold)
                    IS DISTINCT FROM (
                        greatest(n.cycle_end, i.cycle_end),
                        greatest(n.program_no COLLATE "C", i.program_no),
                        greatest(n.std_load_unload, i.std_load_unload),
                        greatest(n.std_cycle_time, i.std_cycle_time),
                        greatest(n.down_threshold, i.down_threshold)
                    ) AS is_completed,
            CASE WHEN i.cycle_start > i.last_cycle_start THEN i.last_cycle_end END AS cached_end
        FROM distinct_cycles AS i
        FULL JOIN neighbours AS n USING (machine_iot_id, cycle_start)
    ),
    ordered AS (
        SELECT
            m.*,
            m.cycle_start - lag(m.cycle_end, 1, m.cached_end) OVER previous AS gap,
            lag(m.ends_anew, 1, false) OVER previous AS follows_anew,
            lead(m.cycle_start) OVER previous IS NULL AS is_last
        FROM merged AS m
        WINDOW previous AS (PARTITION BY m.machine_iot_id ORDER BY m.cycle_start)
    ),
    stitched AS MATERIALIZED (
        SELECT
            coalesce(o.logical_date, o.wall_date - coalesce(w.days_back, 0)) AS logical_date,
            o.company_iot_id,
            o.machine_iot_id,
            coalesce(o.shift_id, w.shift_id, 0::smallint) AS shift_id,
            CASE
                WHEN o.is_known THEN o.shift_name
                WHEN w.shift_id IS NULL THEN 'UNKNOWN'
                ELSE w.shift_name
            END AS shift_name,
            o.cycle_start,
            o.cycle_end,
            o.program_no,
            o.std_load_unload,
            o.std_cycle_time,
            -- What silver says stands, unless the cycle before it is new or has ended anew. Whole
            -- seconds, half up; overlapping cycles leave no time between them. Microseconds are exact
            -- in a double up to 285 years.
            CASE
                WHEN o.is_known AND NOT o.follows_anew THEN o.actual_load_unload
                -- greatest() would pass over a gap that is null.
                WHEN o.gap IS NOT NULL
                    THEN least(greatest(floor(date_part('epoch', o.gap) + 0.5), 0), 2147483647)::integer
            END AS actual_load_unload,
            CASE
                WHEN o.is_known AND NOT o.ends_anew THEN o.actual_cycle_time
                ELSE floor(date_part('epoch', o.cycle_end - o.cycle_start) + 0.5)::integer
            END AS actual_cycle_time,
            o.down_threshold,
            o.is_known,
            o.is_last
        FROM ordered AS o
        LEFT JOIN master.v_shift_windows AS w
            ON w.plant_iot_id = o.plant_iot_id
            AND o.wall_time >= w.starts_at
            AND o.wall_time < w.ends_before
        WHERE NOT o.is_known OR o.is_completed OR o.follows_anew
    ),
    inserted AS (
        INSERT INTO silver.machine_cycles (
            logical_date, company_iot_id, machine_iot_id, shift_id, shift_name, cycle_start,
            cycle_end, program_no, std_load_unload, std_cycle_time, actual_load_unload,
            actual_cycle_time, down_threshold
        )
        SELECT
            s.logical_date, s.company_iot_id, s.machine_iot_id, s.shift_id, s.shift_name, s.cycle_start,
            s.cycle_end, s.program_no, s.std_load_unload, s.std_cycle_time, s.actual_load_unload,
            s.actual_cycle_time, s.down_threshold
        FROM stitched AS s
        WHERE NOT s.is_known
    ),
    -- An upsert and not an UPDATE, which would look for each cycle in every chunk.
    updated AS (
        INSERT INTO silver.machine_cycles AS t (
            logical_date, company_iot_id, machine_iot_id, shift_id, shift_name, cycle_start,
            cycle_end, program_no, std_load_unload, std_cycle_time, actual_load_unload,
            actual_cycle_time, down_threshold
        )
        SELECT
            s.logical_date, s.company_iot_id, s.machine_iot_id, s.shift_id, s.shift_name, s.cycle_start,
            s.cycle_end, s.program_no, s.std_load_unload, s.std_cycle_time, s.actual_load_unload,
            s.actual_cycle_time, s.down_threshold
        FROM stitched AS s
        WHERE s.is_known AND (SELECT c.has_late_cycle FROM counted AS c)
        ON CONFLICT (machine_iot_id, cycle_start) DO UPDATE
        SET cycle_end = excluded.cycle_end,
            program_no = excluded.program_no,
            std_load_unload = excluded.std_load_unload,
            std_cycle_time = excluded.std_cycle_time,
            down_threshold = excluded.down_threshold,
            actual_load_unload = excluded.actual_load_unload,
            actual_cycle_time = excluded.actual_cycle_time
    ),
    cached AS (
        INSERT INTO silver.latest_cycle_state AS t (machine_iot_id, last_cycle_start, last_cycle_end)
        SELECT s.machine_iot_id, s.cycle_start, s.cycle_end
        FROM stitched AS s
        WHERE s.is_last
        ON CONFLICT (machine_iot_id) DO UPDATE
        SET last_cycle_start = excluded.last_cycle_start,
            last_cycle_end = excluded.last_cycle_end,
            updated_at = clock_timestamp()
        WHERE excluded.last_cycle_start >= t.last_cycle_start
    ),
    new_cycles AS (
        SELECT count(*) AS rows_loaded FROM stitched AS s WHERE NOT s.is_known
    )
    SELECT
        CASE WHEN c.rows_read < p_limit THEN p_fence_id ELSE c.last_id END,
        c.last_ts,
        c.rows_read,
        n.rows_loaded,
        c.rows_read - c.rows_rejected - n.rows_loaded,
        c.rows_rejected,
        c.rows_late
    INTO to_id, to_ts, rows_read, rows_loaded, rows_merged, rows_rejected, rows_late
    FROM counted AS c
    CROSS JOIN new_cycles AS n;
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
