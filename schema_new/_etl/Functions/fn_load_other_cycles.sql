-- New: the slow path of the load of cycles: machines of a batch with a row that is late, repeated,
-- a correction, sent again, or invalid. Rows of one cycle merge column by column, with one another
-- and with what silver holds: the known value that arrived last counts, and null never erases. Then
-- each cycle is stitched to its true neighbours, and the cycle after one that is new or has had
-- another end is stitched again.
CREATE FUNCTION _etl.fn_load_other_cycles(
    p_after_id bigint,
    p_to_id bigint,
    p_since timestamptz,
    p_limit integer,
    p_machines bigint[],
    p_future_limit interval,
    p_checks_sender boolean
)
RETURNS TABLE (
    rows_loaded bigint,
    rows_merged bigint,
    rows_rejected bigint,
    rows_sender_mismatch bigint
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
-- Grouping by sorting gives the order that the window function needs.
SET enable_hashagg = off
-- A late row decompresses its batch of the column store, a thousand rows; a fleet that comes back
-- online late must not hit the limit. The size of a batch bounds how much one transaction
-- decompresses.
SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0
AS $function$
BEGIN
    RETURN QUERY
    WITH picked AS (
        SELECT
            r.id, r.time, r.device_id, r.machine_iot_id, r.cycle_start, r.cycle_end, r.program_no,
            r.std_load_unload, r.std_cycle_time, r.down_threshold,
            coalesce(a.first_id, r.id) AS first_id, coalesce(a.first_time, r.time) AS first_time
        FROM _etl.fn_next_cycles(p_after_id, p_to_id, p_since, p_limit) AS r
        LEFT JOIN _etl.rejected_rows AS a
            ON a.pipeline = 'machine_cycles' AND a.is_open AND a.resent_id = r.id
        WHERE r.machine_iot_id = ANY (p_machines)
    ),
    validated AS MATERIALIZED (
        SELECT
            p.id, p.time, p.device_id, p.machine_iot_id, p.cycle_start, p.cycle_end, p.program_no,
            p.std_load_unload, p.std_cycle_time, p.down_threshold, p.first_id, p.first_time,
            m.company_iot_id, m.plant_iot_id, m.timezone, m.plant_timezone,
            m.device_id AS own_device_id, p.device_id <> m.device_id AS is_mismatch,
            CASE
                WHEN m.machine_iot_id IS NULL THEN 'unknown_machine'
                WHEN p_checks_sender AND p.device_id <> m.device_id THEN 'sender_mismatch'
                WHEN p.cycle_start IS NULL THEN 'missing_start'
                WHEN p.cycle_start < '1970-01-01' OR p.cycle_start >= '2200-01-01'
                    THEN 'start_out_of_range'
                WHEN p.cycle_start > p.first_time + p_future_limit THEN 'start_in_future'
                WHEN m.timezone IS NULL THEN 'unknown_timezone'
                WHEN p.cycle_end < p.cycle_start THEN 'end_before_start'
                -- Seconds from start to end must fit an integer. Hours need no time zone, days do.
                WHEN p.cycle_end > p.cycle_start + INTERVAL '596520 hours' THEN 'end_out_of_range'
                WHEN p.std_load_unload NOT BETWEEN -2147483648 AND 2147483647
                    OR p.std_cycle_time NOT BETWEEN -2147483648 AND 2147483647
                    OR p.down_threshold NOT BETWEEN -2147483648 AND 2147483647
                    THEN 'value_out_of_range'
                WHEN EXISTS (
                    SELECT 1 FROM _etl.corrections AS c
                    WHERE c.pipeline = 'machine_cycles' AND c.machine_iot_id = m.machine_iot_id
                        AND c.event_time = p.cycle_start
                ) THEN 'corrected'
            END AS reason_code
        FROM picked AS p
        LEFT JOIN _etl.v_machines AS m ON m.machine_iot_id = p.machine_iot_id
    ),
    rejected AS (
        INSERT INTO _etl.rejected_rows (
            pipeline, bronze_id, bronze_time, first_id, first_time, machine_iot_id, event_time,
            key_part, reason_code, detail, row_data
        )
        SELECT
            'machine_cycles', v.id, v.time, v.first_id, v.first_time, v.machine_iot_id,
            v.cycle_start, '', v.reason_code,
            CASE v.reason_code
                WHEN 'unknown_machine' THEN
                    format('machine_iot_id %s (device %s) is not in master.machine_info',
                        v.machine_iot_id, v.device_id)
                WHEN 'sender_mismatch' THEN
                    format('machine_iot_id %s belongs to device %s, and not to %s',
                        v.machine_iot_id, v.own_device_id, v.device_id)
                WHEN 'missing_start' THEN 'cycle_start is null'
                WHEN 'start_out_of_range' THEN
                    format('cycle_start %s is not between 1970 and 2200', v.cycle_start)
                WHEN 'start_in_future' THEN
                    format('cycle_start %s is more than %s after its arrival at %s',
                        v.cycle_start, p_future_limit, v.first_time)
                WHEN 'unknown_timezone' THEN
                    format('the server does not know time zone %s of plant %s',
                        v.plant_timezone, v.plant_iot_id)
                WHEN 'end_before_start' THEN
                    format('cycle_end %s is before cycle_start %s', v.cycle_end, v.cycle_start)
                WHEN 'end_out_of_range' THEN
                    format('cycle_end %s is more than 68 years after cycle_start %s',
                        v.cycle_end, v.cycle_start)
                WHEN 'corrected' THEN
                    'the row of this key was removed or replaced by hand: see _etl.corrections'
                ELSE
                    format('std_load_unload %s, std_cycle_time %s or down_threshold %s'
                        ' is no integer of 32 bits',
                        v.std_load_unload, v.std_cycle_time, v.down_threshold)
            END,
            b.sent
        FROM validated AS v
        -- The row as it was sent, whole.
        CROSS JOIN LATERAL (
            SELECT to_jsonb(r) AS sent
            FROM bronze.raw_machine_cycles AS r
            WHERE r.id = v.id AND r.time = v.time
            LIMIT 1
        ) AS b
        WHERE v.reason_code IS NOT NULL
        ON CONFLICT (pipeline, bronze_id) DO NOTHING
    ),
    -- A rejected row of the same key may be sent again: the values that came after it must be known
    -- then.
    noted AS (
        INSERT INTO _etl.later_values (
            pipeline, machine_iot_id, event_time, key_part, first_id, known_columns
        )
        SELECT
            'machine_cycles', v.machine_iot_id, v.cycle_start, '', v.first_id,
            array_remove(ARRAY[
                CASE WHEN v.cycle_end IS NOT NULL THEN 'cycle_end' END,
                CASE WHEN v.program_no IS NOT NULL THEN 'program_no' END,
                CASE WHEN v.std_load_unload IS NOT NULL THEN 'std_load_unload' END,
                CASE WHEN v.std_cycle_time IS NOT NULL THEN 'std_cycle_time' END,
                CASE WHEN v.down_threshold IS NOT NULL THEN 'down_threshold' END
            ], NULL)
        FROM validated AS v
        WHERE v.reason_code IS NULL AND (
            (v.machine_iot_id, v.cycle_start) IN (
                SELECT r.machine_iot_id, r.cycle_start
                FROM validated AS r
                WHERE r.reason_code IS NOT NULL
            )
            OR EXISTS (
                SELECT 1 FROM _etl.rejected_rows AS r
                WHERE r.pipeline = 'machine_cycles' AND r.is_open
                    AND r.machine_iot_id = v.machine_iot_id AND r.event_time = v.cycle_start
            )
        )
        ON CONFLICT (pipeline, machine_iot_id, event_time, key_part, first_id) DO NOTHING
    ),
    -- A row that was sent again comes without the columns that later rows have set.
    usable AS (
        SELECT
            v.machine_iot_id, v.cycle_start, v.first_id, v.company_iot_id, v.plant_iot_id,
            v.timezone,
            count(*) OVER (PARTITION BY v.machine_iot_id, v.cycle_start) AS rows_of_key,
            v.cycle_end AS sent_end,
            CASE WHEN 'cycle_end' <> ALL (l.names) THEN v.cycle_end END AS cycle_end,
            CASE WHEN 'program_no' <> ALL (l.names) THEN v.program_no END AS program_no,
            CASE WHEN 'std_load_unload' <> ALL (l.names) THEN v.std_load_unload END
                AS std_load_unload,
            CASE WHEN 'std_cycle_time' <> ALL (l.names) THEN v.std_cycle_time END
                AS std_cycle_time,
            CASE WHEN 'down_threshold' <> ALL (l.names) THEN v.down_threshold END
                AS down_threshold
        FROM validated AS v
        CROSS JOIN LATERAL (
            SELECT coalesce(CASE WHEN v.first_id <> v.id THEN (
                SELECT array_agg(n.name)
                FROM _etl.later_values AS l
                CROSS JOIN LATERAL unnest(l.known_columns) AS n (name)
                WHERE l.pipeline = 'machine_cycles' AND l.machine_iot_id = v.machine_iot_id
                    AND l.event_time = v.cycle_start AND l.first_id > v.first_id
            ) END, '{}') AS names
            OFFSET 0
        ) AS l
        WHERE v.reason_code IS NULL
    ),
    merged_in_batch AS (
        SELECT
            u.machine_iot_id, u.cycle_start, u.company_iot_id, u.plant_iot_id, u.timezone,
            u.cycle_end, u.sent_end AS earliest_end, u.sent_end AS latest_end,
            u.program_no, u.std_load_unload, u.std_cycle_time, u.down_threshold
        FROM usable AS u
        WHERE u.rows_of_key = 1
        UNION ALL
        SELECT
            u.machine_iot_id, u.cycle_start, u.company_iot_id, u.plant_iot_id, u.timezone,
            (array_agg(u.cycle_end ORDER BY u.first_id DESC)
                FILTER (WHERE u.cycle_end IS NOT NULL))[1],
            min(u.sent_end), max(u.sent_end),
            (array_agg(u.program_no ORDER BY u.first_id DESC)
                FILTER (WHERE u.program_no IS NOT NULL))[1],
            (array_agg(u.std_load_unload ORDER BY u.first_id DESC)
                FILTER (WHERE u.std_load_unload IS NOT NULL))[1],
            (array_agg(u.std_cycle_time ORDER BY u.first_id DESC)
                FILTER (WHERE u.std_cycle_time IS NOT NULL))[1],
            (array_agg(u.down_threshold ORDER BY u.first_id DESC)
                FILTER (WHERE u.down_threshold IS NOT NULL))[1]
        FROM usable AS u
        WHERE u.rows_of_key > 1
        GROUP BY u.machine_iot_id, u.cycle_start, u.company_iot_id, u.plant_iot_id, u.timezone
    ),
    -- Each machine's last cycle: the cache's, or silver's where the cache does not know the
    -- machine.
    machines AS MATERIALIZED (
        SELECT
            m.machine_iot_id,
            coalesce(s.last_cycle_start, l.cycle_start) AS last_cycle_start,
            CASE WHEN s.machine_iot_id IS NULL THEN l.cycle_end ELSE s.last_cycle_end END
                AS last_cycle_end
        FROM unnest(p_machines) AS m (machine_iot_id)
        LEFT JOIN silver.latest_cycle_state AS s ON s.machine_iot_id = m.machine_iot_id
        LEFT JOIN LATERAL (
            SELECT c.cycle_start, c.cycle_end
            FROM silver.machine_cycles AS c
            WHERE s.machine_iot_id IS NULL AND c.machine_iot_id = m.machine_iot_id
            ORDER BY c.cycle_start DESC
            LIMIT 1
        ) AS l ON true
    ),
    incoming AS MATERIALIZED (
        SELECT
            b.machine_iot_id::integer AS machine_iot_id, b.cycle_start,
            coalesce(w.logical_date, (b.cycle_start AT TIME ZONE b.timezone)::date)
                AS logical_date,
            b.company_iot_id,
            coalesce(w.shift_id, 0::smallint) AS shift_id,
            CASE WHEN w.shift_id IS NULL THEN 'UNKNOWN' ELSE w.shift_name END AS shift_name,
            b.cycle_end, b.earliest_end, b.latest_end, b.program_no,
            b.std_load_unload::integer AS std_load_unload,
            b.std_cycle_time::integer AS std_cycle_time,
            b.down_threshold::integer AS down_threshold,
            m.last_cycle_start, m.last_cycle_end
        FROM merged_in_batch AS b
        INNER JOIN machines AS m ON m.machine_iot_id = b.machine_iot_id
        LEFT JOIN _etl.fn_shifts_of_days(
            ARRAY(SELECT DISTINCT u.cycle_start::date FROM usable AS u)
        ) AS w
            ON w.plant_iot_id = b.plant_iot_id
            AND w.utc_day = date_bin(INTERVAL '1 day', b.cycle_start, '1970-01-01')
            AND b.cycle_start >= w.starts_at AND b.cycle_start < w.ends_before
    ),
    -- Silver is read only where a cycle is late: for the cycle itself, the one before and the one
    -- after it, and the machine's last one.
    neighbours AS MATERIALIZED (
        SELECT DISTINCT ON (n.machine_iot_id, n.cycle_start)
            n.logical_date, n.company_iot_id, n.machine_iot_id, n.shift_id, n.shift_name,
            n.cycle_start, n.cycle_end, n.program_no, n.std_load_unload, n.std_cycle_time,
            n.actual_load_unload, n.actual_cycle_time, n.down_threshold
        FROM incoming AS i
        CROSS JOIN LATERAL (
            (
                SELECT
                    c.logical_date, c.company_iot_id, c.machine_iot_id, c.shift_id, c.shift_name,
                    c.cycle_start, c.cycle_end, c.program_no, c.std_load_unload, c.std_cycle_time,
                    c.actual_load_unload, c.actual_cycle_time, c.down_threshold
                FROM silver.machine_cycles AS c
                WHERE c.machine_iot_id = i.machine_iot_id AND c.cycle_start < i.cycle_start
                ORDER BY c.cycle_start DESC
                LIMIT 1
            )
            UNION ALL
            (
                SELECT
                    c.logical_date, c.company_iot_id, c.machine_iot_id, c.shift_id, c.shift_name,
                    c.cycle_start, c.cycle_end, c.program_no, c.std_load_unload, c.std_cycle_time,
                    c.actual_load_unload, c.actual_cycle_time, c.down_threshold
                FROM silver.machine_cycles AS c
                WHERE c.machine_iot_id = i.machine_iot_id
                    AND c.cycle_start IN (i.cycle_start, i.last_cycle_start)
            )
            UNION ALL
            (
                SELECT
                    c.logical_date, c.company_iot_id, c.machine_iot_id, c.shift_id, c.shift_name,
                    c.cycle_start, c.cycle_end, c.program_no, c.std_load_unload, c.std_cycle_time,
                    c.actual_load_unload, c.actual_cycle_time, c.down_threshold
                FROM silver.machine_cycles AS c
                WHERE c.machine_iot_id = i.machine_iot_id AND c.cycle_start > i.cycle_start
                ORDER BY c.cycle_start
                LIMIT 1
            )
        ) AS n
        WHERE i.cycle_start <= i.last_cycle_start
    ),
    merged AS (
        SELECT
            machine_iot_id,
            cycle_start,
            coalesce(n.logical_date, i.logical_date) AS logical_date,
            coalesce(n.company_iot_id, i.company_iot_id) AS company_iot_id,
            coalesce(n.shift_id, i.shift_id) AS shift_id,
            CASE WHEN n.shift_id IS NULL THEN i.shift_name ELSE n.shift_name END AS shift_name,
            coalesce(i.cycle_end, n.cycle_end) AS cycle_end,
            coalesce(i.program_no, n.program_no) AS program_no,
            coalesce(i.std_load_unload, n.std_load_unload) AS std_load_unload,
            coalesce(i.std_cycle_time, n.std_cycle_time) AS std_cycle_time,
            coalesce(i.down_threshold, n.down_threshold) AS down_threshold,
            n.actual_load_unload AS known_load_unload,
            n.actual_cycle_time AS known_cycle_time,
            n.shift_id IS NOT NULL AS is_known,
            -- Also where the last row has silver's end and one before it had another. In a batch of
            -- its own that one would count, and what comes of rows does not depend on batches.
            i.shift_id IS NOT NULL AND (
                n.shift_id IS NULL OR i.earliest_end IS NOT NULL
                AND (i.earliest_end, i.latest_end) IS DISTINCT FROM (n.cycle_end, n.cycle_end)
            ) AS ends_anew,
            i.shift_id IS NOT NULL AND n.shift_id IS NOT NULL
                AND (
                    n.cycle_end, n.program_no, n.std_load_unload, n.std_cycle_time, n.down_threshold
                ) IS DISTINCT FROM (
                    coalesce(i.cycle_end, n.cycle_end),
                    coalesce(i.program_no, n.program_no),
                    coalesce(i.std_load_unload, n.std_load_unload),
                    coalesce(i.std_cycle_time, n.std_cycle_time),
                    coalesce(i.down_threshold, n.down_threshold)
                ) AS is_changed,
            CASE WHEN i.cycle_start > i.last_cycle_start THEN i.last_cycle_end END AS cached_end
        FROM incoming AS i
        FULL JOIN neighbours AS n USING (machine_iot_id, cycle_start)
    ),
    ordered AS (
        SELECT
            m.logical_date, m.company_iot_id, m.machine_iot_id, m.shift_id, m.shift_name,
            m.cycle_start, m.cycle_end, m.program_no, m.std_load_unload, m.std_cycle_time,
            m.known_load_unload, m.known_cycle_time, m.down_threshold,
            m.is_known, m.ends_anew, m.is_changed,
            lag(m.cycle_end, 1, m.cached_end) OVER previous AS previous_end,
            lag(m.ends_anew, 1, false) OVER previous AS follows_anew,
            lead(m.cycle_start) OVER previous IS NULL AS is_last
        FROM merged AS m
        WINDOW previous AS (PARTITION BY m.machine_iot_id ORDER BY m.cycle_start)
    ),
    -- What silver holds stays, unless the cycle before it is new or has had another end; its run
    -- time, unless its own end has been another.
    stitched AS MATERIALIZED (
        SELECT
            o.logical_date, o.company_iot_id, o.machine_iot_id, o.shift_id, o.shift_name,
            o.cycle_start, o.cycle_end, o.program_no, o.std_load_unload, o.std_cycle_time,
            t.actual_load_unload, t.actual_cycle_time, o.down_threshold, o.is_known, o.is_last,
            o.is_changed OR (t.actual_load_unload, t.actual_cycle_time)
                IS DISTINCT FROM (o.known_load_unload, o.known_cycle_time) AS is_changed
        FROM ordered AS o
        CROSS JOIN LATERAL (
            SELECT
                CASE
                    WHEN o.is_known AND NOT o.follows_anew THEN o.known_load_unload
                    ELSE _etl.fn_gap_seconds(o.previous_end, o.cycle_start)
                END AS actual_load_unload,
                CASE
                    WHEN o.is_known AND NOT o.ends_anew THEN o.known_cycle_time
                    ELSE _etl.fn_run_seconds(o.cycle_start, o.cycle_end)
                END AS actual_cycle_time
        ) AS t
    ),
    -- An upsert, since an UPDATE would search every chunk for each cycle.
    written AS (
        INSERT INTO silver.machine_cycles AS t (
            logical_date, company_iot_id, machine_iot_id, shift_id, shift_name, cycle_start,
            cycle_end, program_no, std_load_unload, std_cycle_time, actual_load_unload,
            actual_cycle_time, down_threshold
        )
        SELECT
            s.logical_date, s.company_iot_id, s.machine_iot_id, s.shift_id, s.shift_name,
            s.cycle_start, s.cycle_end, s.program_no, s.std_load_unload, s.std_cycle_time,
            s.actual_load_unload, s.actual_cycle_time, s.down_threshold
        FROM stitched AS s
        WHERE NOT s.is_known OR s.is_changed
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
        INSERT INTO silver.latest_cycle_state AS t (
            machine_iot_id, last_cycle_start, last_cycle_end
        )
        SELECT s.machine_iot_id, s.cycle_start, s.cycle_end
        FROM stitched AS s
        WHERE s.is_last
        ON CONFLICT (machine_iot_id) DO UPDATE
        SET last_cycle_start = excluded.last_cycle_start,
            last_cycle_end = excluded.last_cycle_end,
            updated_at = clock_timestamp()
        WHERE excluded.last_cycle_start >= t.last_cycle_start
            AND (excluded.last_cycle_start, excluded.last_cycle_end)
                IS DISTINCT FROM (t.last_cycle_start, t.last_cycle_end)
    ),
    counted AS (
        SELECT
            count(*) - count(v.reason_code) AS rows_usable,
            count(v.reason_code) AS rows_rejected,
            count(*) FILTER (WHERE v.reason_code IS NULL AND v.is_mismatch) AS rows_sender_mismatch
        FROM validated AS v
    ),
    new_rows AS (
        SELECT count(*) AS rows_loaded FROM stitched AS s WHERE NOT s.is_known
    )
    SELECT n.rows_loaded, c.rows_usable - n.rows_loaded, c.rows_rejected, c.rows_sender_mismatch
    FROM counted AS c
    CROSS JOIN new_rows AS n;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_load_other_cycles(
    bigint, bigint, timestamptz, integer, bigint[], interval, boolean
) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_load_other_cycles(
    bigint, bigint, timestamptz, integer, bigint[], interval, boolean
) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_load_other_cycles(
    bigint, bigint, timestamptz, integer, bigint[], interval, boolean
) IS
    'Loads the cycles of a batch of the machines given, merged and stitched';
