-- Where v1 changed many rows in one statement only the place is noted: its rows are searched here,
-- and each gets a note of its own. What v2 holds and v1 does not hold any more was changed or
-- deleted; what v1 wrote since then carries the id of its transaction.

-- What stands in v1's row itself is compared. Shifts and keys follow from master, which may have
-- changed since the row was migrated.
CREATE FUNCTION _stage.note_stale(
    p_table text, p_from timestamptz, p_to timestamptz, p_machine_from text, p_machine_to text
)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET work_mem = '128MB'
-- Callers that look single keys up switch hash joins off.
SET enable_hashjoin = ON
AS $function$
DECLARE
    v_time text;
    v_values text[];
BEGIN
    SELECT t.v2_time INTO STRICT v_time FROM _archive.migrated_tables AS t
    WHERE t.table_name = p_table;
    SELECT array_agg(a.attname) INTO v_values
    FROM pg_attribute AS a
    WHERE a.attrelid = format('_stage.%I', 'v2_' || p_table)::regclass AND a.attnum > 0
        AND a.attname NOT LIKE 'v1\_%'
        AND a.attname NOT IN (
            'machine_iot_id', 'company_iot_id', 'logical_date', 'shift_id', 'shift_name'
        );
    -- A row under a machine's former key stands for v1's row as well.
    EXECUTE format(
        $query$
            WITH machines AS (
                SELECT DISTINCT n.machine_iot_id, n.company_id, n.machine_id,
                    coalesce(m.machine_iot_id, n.machine_iot_id) AS current_iot_id
                FROM _stage.machine_names AS n
                LEFT JOIN _stage.machine_map AS m
                    ON m.company_id = n.company_id AND m.machine_id = n.machine_id
                WHERE $4 IS NULL OR n.machine_iot_id IN (
                    SELECT c.machine_iot_id FROM _stage.machine_names AS c
                    WHERE c.machine_id COLLATE "C" BETWEEN $4 AND $5
                )
            )
            INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
            SELECT DISTINCT $3, s.company_id, s.machine_id, t.%2$I, false
            FROM _stage.%1$I AS t
            INNER JOIN machines AS s ON s.machine_iot_id = t.machine_iot_id
            WHERE t.%2$I >= $1 AND t.%2$I < $2 AND NOT EXISTS (
                SELECT 1 FROM _stage.%3$I AS v2
                INNER JOIN machines AS o ON o.current_iot_id = v2.machine_iot_id
                WHERE v2.v1_time >= $1 AND v2.v1_time < $2
                    AND v2.v1_time = t.%2$I AND o.machine_iot_id = t.machine_iot_id %4$s
                    AND (%5$s) IS NOT DISTINCT FROM (%6$s)
            ) AND %7$s
        $query$, p_table, v_time, 'v2_' || p_table, _stage.same_rest_of_key(p_table, 'v2', 't'),
        (SELECT string_agg(format('v2.%I', c.name), ', ') FROM unnest(v_values) AS c (name)),
        (SELECT string_agg(format('t.%I', c.name), ', ') FROM unnest(v_values) AS c (name)),
        _stage.still_held(p_table, 's')
    ) USING p_from, p_to, p_table, p_machine_from, p_machine_to;
END
$function$;
COMMENT ON FUNCTION _stage.note_stale(text, timestamptz, timestamptz, text, text) IS
    'Notes the v2 rows of a time range and of machines that v1 does not hold any more as they are';

-- Of a chunk that v1 has dropped nobody knows the range. A microsecond after the last instant there
-- is none.
CREATE FUNCTION _stage.range_of(
    p_note _stage.noted_chunks, OUT range_start timestamptz, OUT range_end timestamptz
)
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT greatest(c.range_start, p_note.time_from),
        least(c.range_end, CASE WHEN p_note.time_to < '294246-01-01 00:00:00+00'
            THEN p_note.time_to + INTERVAL '1 microsecond' ELSE 'infinity' END)
    FROM _archive.migrated_tables AS t
    LEFT JOIN LATERAL _archive.chunk_ranges(t.schema_name, t.table_name) AS c
        ON c.chunk = p_note.chunk
    WHERE t.table_name = p_note.table_name
$function$;
COMMENT ON FUNCTION _stage.range_of(_stage.noted_chunks) IS
    'Between which times a statement changed many rows; range_end: the first instant after them';

CREATE FUNCTION _stage.follow_chunk(p_table text, p_chunk oid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_any_machine boolean;
    v_range record;
BEGIN
    -- To search once is faster than to search for many machines.
    SELECT bool_or(n.machine_from IS NULL)
        OR count(DISTINCT (n.machine_from, n.machine_to)) > 100
    INTO v_any_machine
    FROM _stage.noted_chunks AS n
    WHERE n.table_name = p_table AND n.chunk IS NOT DISTINCT FROM p_chunk;
    -- What is searched below was committed with the notes, or later.
    FOR v_range IN
        WITH taken AS (
            DELETE FROM _stage.noted_chunks AS n
            WHERE n.table_name = p_table AND n.chunk IS NOT DISTINCT FROM p_chunk
            RETURNING n AS note
        )
        SELECT m.machine_from, m.machine_to, min(r.range_start) AS range_start,
            max(r.range_end) AS range_end,
            (array_agg((t.note).since ORDER BY (t.note).since))[1] AS since
        FROM taken AS t
        CROSS JOIN LATERAL _stage.range_of(t.note) AS r
        CROSS JOIN LATERAL (
            SELECT CASE WHEN NOT v_any_machine THEN (t.note).machine_from END AS machine_from,
                CASE WHEN NOT v_any_machine THEN (t.note).machine_to END AS machine_to
        ) AS m
        GROUP BY m.machine_from, m.machine_to
    LOOP
        PERFORM _stage.note_stale(
            p_table, v_range.range_start, v_range.range_end, v_range.machine_from,
            v_range.machine_to
        );
        PERFORM _stage.note_written(
            p_table, v_range.range_start, v_range.range_end, v_range.since, false,
            v_range.machine_from, v_range.machine_to
        );
        PERFORM _stage.forget_counts(p_table, v_range.range_start, v_range.range_end);
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _stage.follow_chunk(text, oid) IS
    'Makes the notes on a chunk notes on the single rows of it that v1 has changed or deleted';

CREATE FUNCTION _stage.follow_chunks() RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT _stage.follow_chunk(c.table_name, c.chunk)
    FROM (SELECT DISTINCT n.table_name, n.chunk FROM _stage.noted_chunks AS n) AS c
$function$;
COMMENT ON FUNCTION _stage.follow_chunks() IS 'Does so for all chunks that have notes';

CREATE FUNCTION _stage.rows_to_search(p_most bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_range record;
    v_rows bigint;
    v_all bigint := 0;
BEGIN
    FOR v_range IN
        SELECT t.table_name, t.v2_time, r.range_start, r.range_end
        FROM _stage.noted_chunks AS n
        INNER JOIN _archive.migrated_tables AS t ON t.table_name = n.table_name
        CROSS JOIN LATERAL _stage.range_of(n) AS r
    LOOP
        -- v1 has an index on time alone: a machine's rows are searched for among all.
        EXECUTE format(
            'SELECT count(*) FROM (SELECT FROM _stage.%I AS t WHERE t.%I >= $1 AND t.%2$I < $2 '
            'LIMIT $3) AS r', v_range.table_name, v_range.v2_time
        )
        INTO v_rows
        USING v_range.range_start, v_range.range_end, p_most - v_all;
        v_all := v_all + v_rows;
        EXIT WHEN v_all >= p_most;
    END LOOP;
    RETURN v_all;
END
$function$;
COMMENT ON FUNCTION _stage.rows_to_search(bigint) IS
    'Among how many rows of v2 follow_chunk has to search, counted up to so many';

REVOKE ALL ON FUNCTION
    _stage.note_stale(text, timestamptz, timestamptz, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.range_of(_stage.noted_chunks) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.follow_chunk(text, oid) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.follow_chunks() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.rows_to_search(bigint) FROM PUBLIC;
