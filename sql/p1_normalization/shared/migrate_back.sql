-- The way back of silver and of the history of alerts. A row that v1 does not know is translated
-- into v1's archived table. A row that was open in v1 and was completed under v2 goes back beside
-- it, as v1 itself would have written it.

-- The condition under which a row of v1, known, is the translation of a row of v2, v1.
CREATE OR REPLACE FUNCTION _archive.same_row(p_migrated _archive.migrated_tables) RETURNS text
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT concat(
        format('known.%1$I = v1.%1$I', p_migrated.v1_time),
        ' AND known.company_id = v1.company_id AND known.machine_id = v1.machine_id',
        (
            SELECT string_agg(format(
                $same$ AND coalesce(known.%1$I::text, '') = coalesce(v1.%1$I::text, '')$same$,
                    s.name
            ), '')
            FROM unnest(p_migrated.same_columns) AS s (name)
        ),
        CASE WHEN p_migrated.end_column IS NOT NULL THEN
            format(' AND known.%1$I IS NOT DISTINCT FROM v1.%1$I', p_migrated.end_column)
        END
    )
$function$;

-- Compares every row of a range, p_from and p_to included. Nothing depends on notes.
CREATE OR REPLACE FUNCTION _archive.migrate_back(p_table text, p_from timestamptz, p_to timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
DECLARE
    v_migrated _archive.migrated_tables;
    v_rows bigint;
BEGIN
    SELECT t.*
    INTO STRICT v_migrated FROM _archive.migrated_tables AS t WHERE t.table_name = p_table;
    EXECUTE format(
        $query$
            INSERT INTO _archive.%1$I
            SELECT v1.*
            FROM %2$I.%1$I AS v2
            CROSS JOIN LATERAL _archive.to_v1(v2) AS v1
            WHERE v2.%3$I >= $1 AND v2.%3$I <= $2
                AND NOT EXISTS (
                    SELECT 1 FROM _archive.%1$I AS known
                    WHERE known.%4$I >= $1 AND known.%4$I <= $2 AND %5$s
                )
        $query$,
        p_table, v_migrated.schema_name, v_migrated.v2_time, v_migrated.v1_time,
        _archive.same_row(v_migrated)
    ) USING p_from, p_to;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    IF v_rows > 0 THEN
        UPDATE _archive.migrated_chunks AS c
        SET v1_rows = NULL
        WHERE c.table_name = p_table AND c.range_start <= p_to AND c.range_end > p_from;
    END IF;

    -- An alert that was resolved under v2 is resolved.
    IF p_table = 'history' THEN
        UPDATE _archive.history AS v1
        SET status = v2.status, resolved_at = v2.resolved_at
        FROM alerting.history AS v2
        WHERE v2.time >= p_from AND v2.time <= p_to
            AND v1.time = v2.time AND v1.alert_id = v2.alert_id
            AND (v1.status, v1.resolved_at) IS DISTINCT FROM (v2.status, v2.resolved_at);
    END IF;
    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _archive.migrate_back(text, timestamptz, timestamptz) IS
    'Translates the rows of a table and a time range that v1 does not know into v1''s archived '
    'table';

-- Master, when it has changed since it went back.
CREATE OR REPLACE FUNCTION _archive.migrate_noted_master_back() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    DELETE FROM _archive.change_notes AS n WHERE n.table_name = 'master';
    IF FOUND THEN
        PERFORM _archive.migrate_master_back();
    END IF;
END
$function$;

-- One pass over the rows that the notes of a table name: about p_rows of them, from one week. Null
-- when no note is left. It reads v2 through its key and v1 at the instants of these rows, so its
-- time depends on these rows only. What an earlier pass made of a row that has been changed or
-- deleted since goes first, since v1 gets what v2 is at the swap back.
CREATE OR REPLACE FUNCTION _archive.migrate_noted_back(p_table text, p_rows bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
DECLARE
    v_migrated _archive.migrated_tables;
    v_week timestamptz;
    v_hours timestamptz[];
    v_noted jsonb;
    v_replaced boolean;
    v_from timestamptz;
    v_to timestamptz;
    v_scope text;
    v_rows bigint;
BEGIN
    SELECT t.*
    INTO STRICT v_migrated FROM _archive.migrated_tables AS t WHERE t.table_name = p_table;

    -- Rows were deleted somewhere: check again the rows that the way back made before.
    UPDATE _archive.change_notes AS n
    SET migrated_at = clock_timestamp()
    WHERE n.table_name = p_table AND n.hour IS NULL AND n.migrated_at IS NULL;
    IF FOUND THEN
        UPDATE _archive.change_notes AS n
        SET migrated_at = NULL, replaced = true
        WHERE n.table_name = p_table AND n.hour IS NOT NULL AND n.migrated_at IS NOT NULL;
    END IF;

    SELECT date_bin(INTERVAL '7 days', min(n.hour), TIMESTAMPTZ '1970-01-01 00:00+00')
    INTO v_week
    FROM _archive.change_notes AS n
    WHERE n.table_name = p_table AND n.migrated_at IS NULL AND n.hour IS NOT NULL;
    IF v_week IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(h.hour ORDER BY h.hour) INTO v_hours
    FROM (
        SELECT n.hour, sum(sum(n.rows)) OVER (ORDER BY n.hour) - sum(n.rows) AS rows_before
        FROM _archive.change_notes AS n
        WHERE n.table_name = p_table AND n.migrated_at IS NULL
            AND n.hour BETWEEN v_week AND v_week + INTERVAL '7 days' - INTERVAL '1 microsecond'
        GROUP BY n.hour
    ) AS h
    WHERE h.rows_before < p_rows;
    v_from := v_hours[1];
    v_to := v_hours[cardinality(v_hours)] + INTERVAL '1 hour' - INTERVAL '1 microsecond';

    SELECT EXISTS (
        SELECT 1
        FROM _archive.change_notes AS n
        INNER JOIN _archive.change_notes AS e
            ON e.table_name = n.table_name AND e.hour = n.hour AND e.is_seen
        WHERE n.table_name = p_table AND n.hour = ANY (v_hours) AND n.migrated_at IS NULL
            AND n.replaced
    ) INTO v_replaced;
    WITH taken AS (
        UPDATE _archive.change_notes AS n
        SET migrated_at = clock_timestamp(), is_seen = true
        WHERE n.table_name = p_table AND n.hour = ANY (v_hours) AND n.migrated_at IS NULL
        RETURNING n.hour, n.machines
    )
    SELECT jsonb_agg(DISTINCT jsonb_build_object('hour', t.hour, 'machines', t.machines))
    INTO v_noted
    FROM taken AS t;
    -- Master rows that these rows need were written before the notes were taken.
    PERFORM _archive.migrate_noted_master_back();

    -- The machines and ranges of the notes, $1, merged: hours of all machines once for each that
    -- has a key, hours of some for these. Infinity is an instant, and no range.
    v_scope := $scope$
        WITH noted AS MATERIALIZED (
            SELECT n.hour, n.machines
            FROM jsonb_to_recordset($1) AS n (hour timestamptz, machines jsonb)
        ),
        known_machine AS MATERIALIZED (
            SELECT k.machine_iot_id FROM _archive.machine_keys AS k
            UNION
            SELECT f.machine_iot_id FROM _archive.former_machine_keys AS f
        ),
        everyone AS MATERIALIZED (
            SELECT coalesce(
                range_agg(tstzrange(n.hour, n.hour + INTERVAL '1 hour')), '{}'::tstzmultirange
            ) AS ranges
            FROM noted AS n
            WHERE jsonb_typeof(n.machines) IS DISTINCT FROM 'array'
        ),
        single AS (
            SELECT m.id::integer AS machine_iot_id,
                range_agg(tstzrange(n.hour, n.hour + INTERVAL '1 hour')) AS ranges
            FROM noted AS n
            CROSS JOIN LATERAL jsonb_array_elements_text(
                CASE WHEN jsonb_typeof(n.machines) = 'array' THEN n.machines ELSE '[]' END
            ) AS m (id)
            GROUP BY 1
        ),
        scope AS MATERIALIZED (
            SELECT r.machine_iot_id, lower(r.span) AS from_time,
                upper(r.span) - INTERVAL '1 microsecond' AS to_time
            FROM (
                SELECT k.machine_iot_id, unnest(e.ranges) AS span
                FROM known_machine AS k
                CROSS JOIN everyone AS e
                UNION ALL
                SELECT s.machine_iot_id, unnest(s.ranges - e.ranges)
                FROM single AS s
                CROSS JOIN everyone AS e
            ) AS r
            UNION ALL
            SELECT k.machine_iot_id, n.hour, n.hour
            FROM noted AS n
            CROSS JOIN known_machine AS k
            WHERE NOT isfinite(n.hour)
        ),
        translated AS MATERIALIZED (
            SELECT v1.*
            FROM scope AS s
            CROSS JOIN LATERAL (
                -- OFFSET 0 keeps this a look-up by machine and range.
                SELECT v2 FROM %2$I.%1$I AS v2
                WHERE v2.machine_iot_id = s.machine_iot_id
                    AND v2.%3$I >= s.from_time AND v2.%3$I <= s.to_time
                    AND v2.%3$I >= $2 AND v2.%3$I <= $3
                OFFSET 0
            ) AS r
            CROSS JOIN LATERAL _archive.to_v1(r.v2) AS v1
        )
    $scope$;

    IF v_replaced AND v_migrated.has_created_at THEN
        EXECUTE format(
            v_scope || $query$
                , candidate AS MATERIALIZED (
                    SELECT known.*
                    FROM _archive.%1$I AS known
                    INNER JOIN (
                        SELECT k.company_id, k.machine_id, s.from_time, s.to_time
                        FROM scope AS s
                        INNER JOIN (
                            SELECT c.machine_iot_id, c.company_id, c.machine_id
                            FROM _archive.machine_keys AS c
                            UNION ALL
                            SELECT f.machine_iot_id, f.company_id, f.machine_id
                            FROM _archive.former_machine_keys AS f
                        ) AS k ON k.machine_iot_id = s.machine_iot_id
                    ) AS s ON s.company_id = known.company_id AND s.machine_id = known.machine_id
                        AND known.%4$I >= s.from_time AND known.%4$I <= s.to_time
                    WHERE known.%4$I >= $2 AND known.%4$I <= $3
                        AND known.created_at >= $4 AND known.created_at <= clock_timestamp()
                ),
                outdated AS MATERIALIZED (
                    SELECT c.* FROM candidate AS c
                    EXCEPT
                    SELECT v1.* FROM translated AS v1
                )
                DELETE FROM _archive.%1$I AS known
                USING outdated AS o
                WHERE known.%4$I >= $2 AND known.%4$I <= $3
                    AND o.%4$I = known.%4$I AND o.company_id = known.company_id
                    AND o.machine_id = known.machine_id AND (o.*) IS NOT DISTINCT FROM (known.*)
            $query$,
            p_table, v_migrated.schema_name, v_migrated.v2_time, v_migrated.v1_time
        ) USING v_noted, v_from, v_to, (SELECT w.swapped_at FROM _archive.swapped AS w);
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        IF v_rows > 0 THEN
            UPDATE _archive.migrated_chunks AS c
            SET v1_rows = NULL
            WHERE c.table_name = p_table AND c.range_start <= v_to AND c.range_end > v_from;
        END IF;
    END IF;

    EXECUTE format(
        v_scope || $query$
            , known AS MATERIALIZED (
                SELECT k.* FROM _archive.%1$I AS k
                WHERE k.%4$I >= $2 AND k.%4$I <= $3
                    AND k.%4$I = ANY ((
                        SELECT array_agg(DISTINCT v1.%4$I) FROM translated AS v1
                    )::timestamptz[])
            ),
            added AS (
                INSERT INTO _archive.%1$I
                SELECT v1.*
                FROM translated AS v1
                WHERE NOT EXISTS (SELECT 1 FROM known WHERE %5$s)
                RETURNING %4$I AS at
            ),
            counted AS (
                -- v2 holds these rows: another upgrade need not look at them.
                UPDATE _archive.migrated_chunks AS c
                SET v1_rows = c.v1_rows + n.rows
                FROM (
                    SELECT m.range_start, count(*) AS rows
                    FROM added AS a
                    INNER JOIN _archive.migrated_chunks AS m
                        ON m.table_name = %1$L AND a.at >= m.range_start AND a.at < m.range_end
                    GROUP BY m.range_start
                ) AS n
                WHERE c.table_name = %1$L AND c.range_start = n.range_start
            )
            SELECT count(*) FROM added
        $query$,
        p_table, v_migrated.schema_name, v_migrated.v2_time, v_migrated.v1_time,
        _archive.same_row(v_migrated)
    ) INTO v_rows USING v_noted, v_from, v_to;

    IF p_table = 'history' THEN
        UPDATE _archive.history AS v1
        SET status = v2.status, resolved_at = v2.resolved_at
        FROM alerting.history AS v2
        WHERE v2.time >= v_from AND v2.time <= v_to
            AND v1.time = v2.time AND v1.alert_id = v2.alert_id
            AND (v1.status, v1.resolved_at) IS DISTINCT FROM (v2.status, v2.resolved_at);
    END IF;
    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _archive.migrate_noted_back(text, bigint) IS
    'One pass of the way back over what changed under v2 in a table; null when nothing is left';

-- Brings v1 up to what v2 is now: master if it changed, then every table by its notes, or whole
-- where these cannot be trusted. With active writers there is always one more note: p_passes ends
-- that.
CREATE OR REPLACE FUNCTION _archive.migrate_rest_back(p_passes integer DEFAULT 1000000)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_table text;
    v_rows bigint;
    v_total bigint := 0;
BEGIN
    PERFORM _archive.migrate_noted_master_back();
    FOR v_table IN DELETE FROM _archive.to_compare AS c RETURNING c.table_name LOOP
        v_total := v_total + _archive.migrate_back(v_table, '-infinity', 'infinity');
    END LOOP;
    FOR v_table IN
        SELECT t.table_name FROM _archive.migrated_tables AS t
        WHERE EXISTS (
            SELECT 1 FROM _archive.change_notes AS n
            WHERE n.table_name = t.table_name AND n.migrated_at IS NULL
        )
        ORDER BY t.table_name
    LOOP
        FOR v_pass IN 1..p_passes LOOP
            v_rows := _archive.migrate_noted_back(v_table, 100000);
            EXIT WHEN v_rows IS NULL;
            v_total := v_total + v_rows;
        END LOOP;
    END LOOP;
    RETURN v_total;
END
$function$;
COMMENT ON FUNCTION _archive.migrate_rest_back(integer) IS
    'Brings v1''s archived tables up to what v2 is now';
