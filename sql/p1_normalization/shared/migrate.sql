-- Migrates v1's rows to v2: one text for every table in _archive.migrated_tables, over the view
-- v2_<table>. Columns are matched by name.
CREATE TABLE _stage.backfill_progress (
    table_name text NOT NULL,
    range_start timestamptz NOT NULL,
    range_end timestamptz NOT NULL,
    rows_migrated bigint,
    finished_at timestamptz,
    CONSTRAINT backfill_progress_pkey PRIMARY KEY (table_name, range_start)
);
COMMENT ON TABLE _stage.backfill_progress IS
    'The time ranges to backfill; finished_at is set with the rows';

CREATE TABLE _stage.noted_keys (
    table_name text NOT NULL,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    at timestamptz NOT NULL,
    changed boolean NOT NULL
);
COMMENT ON TABLE _stage.noted_keys IS
    'The notes of the batch at work, each key once; changed: v1 changed or deleted a row of it';
-- Whatever order the planner joins in, and it may not know yet how large v1's newest chunk is, no
-- key is compared with each row.
CREATE INDEX noted_keys_at_idx ON _stage.noted_keys (table_name, at);

CREATE TABLE _stage.migrate_failures (
    table_name text NOT NULL,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    event_time timestamptz NOT NULL,
    sqlstate text NOT NULL,
    message text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE _stage.migrate_failures IS
    'Rows that v1 wrote and v2 cannot hold as they are; each pass tries them again';

CREATE TABLE _stage.differences (
    table_name text NOT NULL,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    at timestamptz NOT NULL
);
COMMENT ON TABLE _stage.differences IS 'Keys that a comparison found to differ, once a comparison';

CREATE VIEW _stage.machine_names AS
SELECT k.machine_iot_id, k.company_id, k.machine_id FROM _archive.machine_keys AS k
UNION ALL
SELECT f.machine_iot_id, f.company_id, f.machine_id FROM _archive.former_machine_keys AS f;
COMMENT ON VIEW _stage.machine_names IS 'Each key that a machine of v1 has or had';

CREATE FUNCTION _stage.column_list(p_table text, p_format text) RETURNS text
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT string_agg(format(p_format, a.attname), ', ' ORDER BY a.attnum)
    FROM pg_attribute AS a
    WHERE a.attrelid = format('_stage.%I', 'v2_' || p_table)::regclass AND a.attnum > 0
        AND a.attname NOT LIKE 'v1\_%'
$function$;
COMMENT ON FUNCTION _stage.column_list(text, text) IS
    'v2''s columns that come from v1, each formatted, in order';

CREATE FUNCTION _stage.key_list(p_table text, p_format text) RETURNS text
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT string_agg(format(p_format, k.name), ', ' ORDER BY k.place)
    FROM _archive.migrated_tables AS t
    CROSS JOIN LATERAL unnest(t.v2_key) WITH ORDINALITY AS k (name, place)
    WHERE t.table_name = p_table
$function$;

-- The columns of a key beside machine and time, compared: ' AND a.alarm_no = b.alarm_no'.
CREATE FUNCTION _stage.same_rest_of_key(p_table text, p_one text, p_other text) RETURNS text
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT coalesce(string_agg(
        format(' AND %1$I.%3$I = %2$I.%3$I', p_one, p_other, k.name), '' ORDER BY k.name
    ), '')
    FROM _archive.migrated_tables AS t
    CROSS JOIN LATERAL unnest(t.v2_key) AS k (name)
    WHERE t.table_name = p_table AND k.name NOT IN ('machine_iot_id', t.v2_time)
$function$;

-- Of v1 rows with one key the first created counts; of rows created together, the least.
CREATE FUNCTION _stage.first_created(p_table text) RETURNS text
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT concat_ws(', ',
        _stage.key_list(p_table, 'v2.%I'),
        (
            SELECT 'v2.created_at' FROM _archive.migrated_tables AS t
            WHERE t.table_name = p_table AND t.has_created_at
        ),
        _stage.column_list(p_table, 'v2.%I')
    )
$function$;

-- A change concerns the days from two before it on: a stop that it ends began earlier, but was open
-- on those days either way.
CREATE FUNCTION _stage.keep_roll_up_before(p_table text, p_at timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    UPDATE _archive.kept_roll_up AS k
    SET last_date = least(
        k.last_date,
        (greatest(p_at, '1900-01-01 00:00:00+00') AT TIME ZONE 'UTC')::date - 3
    )
    WHERE p_table IN ('machine_cycles', 'machine_downtime', 'machine_focas')
$function$;
COMMENT ON FUNCTION _stage.keep_roll_up_before(text, timestamptz) IS
    'Notes that rolled-up shifts hold only before a change';

CREATE FUNCTION _stage.fill(p_table text, p_from timestamptz, p_to timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET work_mem = '128MB'
AS $function$
DECLARE
    v_rows bigint;
BEGIN
    EXECUTE format(
        'INSERT INTO _stage.%1$I (%2$s) SELECT DISTINCT ON (%3$s) %4$s FROM _stage.%5$I AS v2 '
        'WHERE v2.v1_time >= $1 AND v2.v1_time < $2 ORDER BY %6$s',
        p_table, _stage.column_list(p_table, '%I'), _stage.key_list(p_table, 'v2.%I'),
        _stage.column_list(p_table, 'v2.%I'), 'v2_' || p_table, _stage.first_created(p_table)
    ) USING p_from, p_to;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    IF v_rows > 0 THEN
        PERFORM _stage.keep_roll_up_before(p_table, p_from);
    END IF;
    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _stage.fill(text, timestamptz, timestamptz) IS
    'Migrates the v1 rows of a time range of which v2 has none yet';

CREATE FUNCTION _stage.note_orphans(p_table text, p_from timestamptz, p_to timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_table _archive.migrated_tables;
    v_rows bigint;
BEGIN
    SELECT t.* INTO STRICT v_table FROM _archive.migrated_tables AS t WHERE t.table_name = p_table;
    EXECUTE format(
        $query$
            WITH machines AS (
                SELECT v1.company_id, v1.machine_id, count(*) AS v1_rows
                FROM %1$I.%2$I AS v1
                WHERE v1.%3$I >= $1 AND v1.%3$I < $2
                GROUP BY v1.company_id, v1.machine_id
            ),
            unknown AS (
                INSERT INTO _archive.orphans (
                    table_name, range_start, range_end, company_id, machine_id
                )
                SELECT $3, $1, $2, s.company_id, s.machine_id
                FROM machines AS s
                LEFT JOIN _stage.machine_map AS m
                    ON m.company_id = s.company_id AND m.machine_id = s.machine_id
                WHERE m.machine_iot_id IS NULL
                ON CONFLICT (table_name, range_start, company_id, machine_id) DO NOTHING
            )
            SELECT coalesce(sum(s.v1_rows), 0) FROM machines AS s
        $query$, v_table.schema_name, p_table, v_table.v1_time
    )
    INTO v_rows USING p_from, p_to, p_table;
    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _stage.note_orphans(text, timestamptz, timestamptz) IS
    'Notes machines in a time range that master does not know; returns how many rows v1 has there';

-- v1 holds no alert of a machine that it has deleted; v2 does.
CREATE FUNCTION _stage.still_held(p_table text, p_alias text) RETURNS text
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT CASE WHEN p_table = 'history' THEN
        format(
            'EXISTS (
                SELECT 1 FROM master.machine_info AS i
                WHERE i.company_id = %1$I.company_id AND i.machine_id = %1$I.machine_id
            )', p_alias
        )
    ELSE 'true' END
$function$;
COMMENT ON FUNCTION _stage.still_held(text, text) IS
    'Condition on a machine that v1 would hold its rows';

CREATE FUNCTION _stage.note_differences(
    p_table text, p_from timestamptz, p_to timestamptz, OUT migrated bigint, OUT differing bigint
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET work_mem = '128MB'
AS $function$
DECLARE
    v_table _archive.migrated_tables;
    v_rest text[];
    v_created text;
BEGIN
    SELECT t.* INTO STRICT v_table FROM _archive.migrated_tables AS t WHERE t.table_name = p_table;
    v_rest := array_remove(v_table.v2_key, 'machine_iot_id');
    v_created := CASE WHEN v_table.has_created_at
        THEN 'min(t.created_at)' ELSE 'NULL::timestamptz' END;
    -- A row under a machine's former key stands for v1's row as well.
    EXECUTE format(
        $query$
            WITH v1 AS (
                SELECT t.machine_iot_id, %1$s, %2$s AS created_at,
                    min(t.v1_company_id) AS company_id, min(t.v1_machine_id) AS machine_id
                FROM _stage.%3$I AS t
                WHERE t.v1_time >= $1 AND t.v1_time < $2
                GROUP BY t.machine_iot_id, %1$s
            ),
            v2 AS (
                SELECT coalesce(m.machine_iot_id, t.machine_iot_id) AS machine_iot_id, %1$s,
                    %2$s AS created_at,
                    min(n.company_id) AS company_id, min(n.machine_id) AS machine_id
                FROM _stage.%4$I AS t
                LEFT JOIN _stage.machine_names AS n ON n.machine_iot_id = t.machine_iot_id
                LEFT JOIN _stage.machine_map AS m
                    ON m.company_id = n.company_id AND m.machine_id = n.machine_id
                WHERE t.%5$I >= $1 AND t.%5$I < $2
                GROUP BY coalesce(m.machine_iot_id, t.machine_iot_id), %1$s
            ),
            sides AS (
                SELECT v1.machine_iot_id AS in_v1, v2.machine_iot_id AS in_v2,
                    coalesce(v1.company_id, v2.company_id) AS company_id,
                    coalesce(v1.machine_id, v2.machine_id) AS machine_id,
                    coalesce(v1.%5$I, v2.%5$I) AS at,
                    v1.created_at IS DISTINCT FROM v2.created_at AS differs
                FROM v1
                FULL JOIN v2 USING (machine_iot_id, %6$s)
            ),
            noted AS (
                INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
                SELECT DISTINCT $3, s.company_id, s.machine_id, s.at, false
                FROM sides AS s
                WHERE (s.differs OR s.in_v1 IS NULL OR s.in_v2 IS NULL)
                    AND s.company_id IS NOT NULL AND (s.in_v1 IS NOT NULL OR %7$s)
                RETURNING table_name, company_id, machine_id, at
            ),
            kept AS (
                INSERT INTO _stage.differences (table_name, company_id, machine_id, at)
                SELECT n.table_name, n.company_id, n.machine_id, n.at FROM noted AS n
            )
            SELECT count(s.in_v1), (SELECT count(*) FROM noted) FROM sides AS s
        $query$,
        (SELECT string_agg(format('t.%I', k.name), ', ') FROM unnest(v_rest) AS k (name)),
        v_created, 'v2_' || p_table, p_table, v_table.v2_time,
        (SELECT string_agg(format('%I', k.name), ', ') FROM unnest(v_rest) AS k (name)),
        _stage.still_held(p_table, 's')
    )
    INTO migrated, differing USING p_from, p_to, p_table;
END
$function$;
COMMENT ON FUNCTION _stage.note_differences(text, timestamptz, timestamptz) IS
    'Compares the keys of v1 and v2 in a time range, and notes those that differ';

CREATE FUNCTION _stage.compare(
    p_table text, p_from timestamptz, p_to timestamptz, OUT migrated bigint, OUT differing bigint
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_table _archive.migrated_tables;
    v_key text;
    v_same boolean;
BEGIN
    SELECT t.* INTO STRICT v_table FROM _archive.migrated_tables AS t WHERE t.table_name = p_table;
    v_key := _stage.key_list(p_table, 't.%I')
        || CASE WHEN v_table.has_created_at THEN ', t.created_at' ELSE '' END;
    -- Both sides have as many rows, and these come to the same sum: then they are the same, and no
    -- key need be looked for. Where v1 has duplicates, or anything differs, each key is compared.
    EXECUTE format(
        $query$
            SELECT v1.keys, v1.keys = v2.keys AND v1.total = v2.total
            FROM (
                SELECT count(*) AS keys,
                    coalesce(sum(hash_record_extended(ROW(%1$s), 0)), 0) AS total
                FROM _stage.%2$I AS t
                WHERE t.v1_time >= $1 AND t.v1_time < $2
            ) AS v1
            CROSS JOIN (
                SELECT count(*) AS keys,
                    coalesce(sum(hash_record_extended(ROW(%1$s), 0)), 0) AS total
                FROM _stage.%3$I AS t
                WHERE t.%4$I >= $1 AND t.%4$I < $2
            ) AS v2
        $query$, v_key, 'v2_' || p_table, p_table, v_table.v2_time
    )
    INTO migrated, v_same USING p_from, p_to;
    differing := 0;
    IF NOT v_same THEN
        SELECT d.migrated, d.differing INTO migrated, differing
        FROM _stage.note_differences(p_table, p_from, p_to) AS d;
    END IF;
END
$function$;
COMMENT ON FUNCTION _stage.compare(text, timestamptz, timestamptz) IS
    'Compares the keys of v1 and v2 in a time range, all at once and then one by one if need be';

-- Rows of v1 carry the id of the transaction that wrote them. Ids wrap around after four billion.
CREATE FUNCTION _stage.is_recent(p_since xid8) RETURNS boolean
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric - p_since::text::numeric
        <= 1000000000
$function$;
COMMENT ON FUNCTION _stage.is_recent(xid8) IS
    'Whether ids of transactions can be compared with this one''s; null for null';

CREATE FUNCTION _stage.note_written(
    p_table text, p_from timestamptz, p_to timestamptz, p_since xid8, p_inserted boolean,
    p_machine_from text DEFAULT NULL, p_machine_to text DEFAULT NULL
)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_table _archive.migrated_tables;
BEGIN
    SELECT t.* INTO STRICT v_table FROM _archive.migrated_tables AS t WHERE t.table_name = p_table;
    EXECUTE format(
        $query$
            INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
            SELECT $4, v1.company_id, v1.machine_id, v1.%3$I, $5
            FROM %1$I.%2$I AS v1
            WHERE v1.%3$I >= $1 AND v1.%3$I < $2 AND ($6 OR age(v1.xmin) <= age($3))
                AND ($7 IS NULL OR v1.machine_id COLLATE "C" BETWEEN $7 AND $8)
        $query$, v_table.schema_name, p_table, v_table.v1_time
    ) USING p_from, p_to, p_since::xid, p_table, p_inserted, NOT _stage.is_recent(p_since),
        p_machine_from, p_machine_to;
END
$function$;
COMMENT ON FUNCTION
    _stage.note_written(text, timestamptz, timestamptz, xid8, boolean, text, text) IS
    'Notes the v1 rows of a time range and of machines that a transaction or a later one has '
    'written, all of them where its id is too old to compare';

-- Rows of a time range must be counted again.
CREATE FUNCTION _stage.forget_counts(p_table text, p_from timestamptz, p_to timestamptz)
RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    UPDATE _archive.migrated_chunks AS c
    SET v1_rows = NULL
    WHERE c.table_name = p_table AND c.range_start < p_to AND c.range_end > p_from
        AND c.v1_rows IS NOT NULL;
    DELETE FROM _archive.row_reconciliation AS r
    USING _archive.migrated_tables AS t
    WHERE t.table_name = p_table AND r.table_name = t.schema_name || '.' || t.table_name
        AND r.range_start < p_to AND r.range_end > p_from;
    DELETE FROM _archive.settled_ranges AS s
    WHERE s.table_name = p_table AND s.range_start < p_to AND s.range_end > p_from
$function$;
COMMENT ON FUNCTION _stage.forget_counts(text, timestamptz, timestamptz) IS
    'Forgets how many rows v1 has in a time range';

-- Processes noted_keys of a table and a time range: v2 gets v1's present rows.
CREATE FUNCTION _stage.remigrate(p_table text, p_from timestamptz, p_to timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Some thousands of keys, each looked up by the index on time, never a whole chunk.
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
-- To compile the plan takes longer than to look some thousands up.
SET jit = off
AS $function$
DECLARE
    v_table _archive.migrated_tables;
    v_machines integer[];
    v_upsert text;
BEGIN
    SELECT t.* INTO STRICT v_table FROM _archive.migrated_tables AS t WHERE t.table_name = p_table;
    -- Of a compressed chunk only these machines' rows are decompressed.
    SELECT array_agg(DISTINCT k.machine_iot_id) INTO v_machines
    FROM _stage.noted_keys AS n
    INNER JOIN _stage.machine_names AS k
        ON k.company_id = n.company_id AND k.machine_id = n.machine_id
    WHERE n.table_name = p_table AND n.changed AND n.at >= p_from AND n.at < p_to;
    EXECUTE format(
        $query$
            DELETE FROM _stage.%1$I AS t
            USING _stage.noted_keys AS n
            INNER JOIN _stage.machine_names AS k
                ON k.company_id = n.company_id AND k.machine_id = n.machine_id
            WHERE n.table_name = $3 AND n.changed AND n.at >= $1 AND n.at < $2
                AND t.%2$I >= $1 AND t.%2$I < $2 AND t.machine_iot_id = ANY ($4)
                AND t.%2$I = n.at AND t.machine_iot_id = k.machine_iot_id
                AND NOT EXISTS (
                    SELECT 1 FROM _stage.%3$I AS v2
                    WHERE v2.v1_time >= $1 AND v2.v1_time < $2
                        AND v2.v1_time = n.at AND v2.v1_company_id = n.company_id
                        AND v2.v1_machine_id = n.machine_id %4$s
                )
        $query$, p_table, v_table.v2_time, 'v2_' || p_table,
        _stage.same_rest_of_key(p_table, 'v2', 't')
    ) USING p_from, p_to, p_table, v_machines;

    v_upsert := format(
        $query$
            INSERT INTO _stage.%1$I AS t (%2$s)
            SELECT DISTINCT ON (%3$s) %4$s
            FROM _stage.noted_keys AS n
            INNER JOIN _stage.%5$I AS v2
                ON v2.v1_time = n.at AND v2.v1_company_id = n.company_id
                AND v2.v1_machine_id = n.machine_id
            WHERE n.table_name = $3 AND n.changed = $4 AND n.at >= $1 AND n.at < $2
                AND v2.v1_time >= $1 AND v2.v1_time < $2
                -- OFFSET: each key is looked up, and never a chunk read for it.
                AND NOT EXISTS (
                    SELECT 1
                    FROM (
                        SELECT o.machine_iot_id FROM _archive.former_machine_keys AS o
                        WHERE o.company_id = n.company_id AND o.machine_id = n.machine_id
                        OFFSET 0
                    ) AS f
                    INNER JOIN _stage.%1$I AS known ON known.machine_iot_id = f.machine_iot_id
                    WHERE known.%6$I >= $1 AND known.%6$I < $2 AND known.%6$I = n.at %7$s
                )
            ORDER BY %8$s
            ON CONFLICT (%9$s) DO UPDATE SET %10$s WHERE
        $query$,
        p_table, _stage.column_list(p_table, '%I'), _stage.key_list(p_table, 'v2.%I'),
        _stage.column_list(p_table, 'v2.%I'), 'v2_' || p_table, v_table.v2_time,
        _stage.same_rest_of_key(p_table, 'known', 'v2'), _stage.first_created(p_table),
        _stage.key_list(p_table, '%I'), _stage.column_list(p_table, '%1$I = excluded.%1$I')
    );
    -- v1 decides about rows that it changed.
    EXECUTE v_upsert || format('(%s) IS DISTINCT FROM (%s)',
        _stage.column_list(p_table, 't.%I'), _stage.column_list(p_table, 'excluded.%I')
    ) USING p_from, p_to, p_table, true;
    -- A row that v1 added changes a key that v2 knows only where it is the first created: v2 may
    -- have corrected its row.
    EXECUTE v_upsert || CASE WHEN v_table.has_created_at THEN 'excluded.created_at <> t.created_at'
        ELSE format('(%s) IS DISTINCT FROM (%s)',
            _stage.column_list(p_table, 't.%I'), _stage.column_list(p_table, 'excluded.%I'))
    END USING p_from, p_to, p_table, false;
END
$function$;
COMMENT ON FUNCTION _stage.remigrate(text, timestamptz, timestamptz) IS
    'Makes v2 what v1 is, for the keys in noted_keys of a table and a time range';

CREATE FUNCTION _stage.remigrate_singly(p_table text, p_from timestamptz, p_to timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_key record;
    v_message text;
BEGIN
    FOR v_key IN
        WITH taken AS (
            DELETE FROM _stage.noted_keys AS n
            WHERE n.table_name = p_table AND n.at >= p_from AND n.at < p_to
            RETURNING n.company_id, n.machine_id, n.at, n.changed
        )
        SELECT t.company_id, t.machine_id, t.at, t.changed FROM taken AS t ORDER BY t.at
    LOOP
        INSERT INTO _stage.noted_keys (table_name, company_id, machine_id, at, changed)
        VALUES (p_table, v_key.company_id, v_key.machine_id, v_key.at, v_key.changed);
        BEGIN
            PERFORM _stage.remigrate(p_table, v_key.at, v_key.at + INTERVAL '1 microsecond');
        EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded
        THEN
            GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT;
            INSERT INTO _stage.migrate_failures (
                table_name, company_id, machine_id, event_time, sqlstate, message
            )
            VALUES (p_table, v_key.company_id, v_key.machine_id, v_key.at, SQLSTATE, v_message);
            RAISE WARNING 'v2 cannot hold a row of % at %: %', p_table, v_key.at, v_message;
        END;
        DELETE FROM _stage.noted_keys AS n WHERE n.table_name = p_table AND n.at = v_key.at
            AND n.company_id = v_key.company_id AND n.machine_id = v_key.machine_id;
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _stage.remigrate_singly(text, timestamptz, timestamptz) IS
    'As remigrate, key by key: those that v2 cannot hold go to migrate_failures';

CREATE FUNCTION _stage.migrate_masters() RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_range record;
BEGIN
    DELETE FROM _stage.noted_masters;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM _stage.sync_master();
    PERFORM _stage.refresh_maps();
    -- A machine that v1 registered after its rows were left out as orphans.
    FOR v_range IN
        WITH known AS (
            DELETE FROM _archive.orphans AS o
            USING _stage.machine_map AS m
            WHERE m.company_id = o.company_id AND m.machine_id = o.machine_id
            RETURNING o.table_name, o.range_start, o.range_end, o.company_id, o.machine_id
        )
        SELECT k.table_name, k.range_start, k.range_end, t.schema_name, t.v1_time,
            array_agg(k.company_id) AS companies, array_agg(k.machine_id) AS machines
        FROM known AS k
        INNER JOIN _archive.migrated_tables AS t ON t.table_name = k.table_name
        GROUP BY k.table_name, k.range_start, k.range_end, t.schema_name, t.v1_time
    LOOP
        EXECUTE format(
            $query$
                INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
                SELECT $1, v1.company_id, v1.machine_id, v1.%3$I, true
                FROM %1$I.%2$I AS v1
                INNER JOIN unnest($4, $5) AS m (company_id, machine_id)
                    ON m.company_id = v1.company_id AND m.machine_id = v1.machine_id
                WHERE v1.%3$I >= $2 AND v1.%3$I < $3
            $query$, v_range.schema_name, v_range.table_name, v_range.v1_time
        ) USING v_range.table_name, v_range.range_start, v_range.range_end, v_range.companies,
            v_range.machines;
    END LOOP;
    RETURN true;
END
$function$;
COMMENT ON FUNCTION _stage.migrate_masters() IS
    'Follows v1''s master tables if they changed, and notes the rows of machines that are known '
    'now';

CREATE FUNCTION _stage.migrate_noted(p_limit bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- A late change may decompress many rows of the column store.
SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0
AS $function$
DECLARE
    v_range record;
    v_notes bigint;
BEGIN
    PERFORM _stage.migrate_masters();
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT f.table_name, f.company_id, f.machine_id, f.event_time, false
    FROM _stage.migrate_failures AS f;
    DELETE FROM _stage.migrate_failures;

    TRUNCATE _stage.noted_keys;
    WITH taken AS (
        DELETE FROM _stage.noted_rows AS n
        WHERE p_limit IS NULL
            OR n.ctid = ANY (ARRAY(SELECT o.ctid FROM _stage.noted_rows AS o LIMIT p_limit))
        RETURNING n.table_name, n.company_id, n.machine_id, n.at, n.inserted
    ),
    keys AS (
        INSERT INTO _stage.noted_keys (table_name, company_id, machine_id, at, changed)
        SELECT t.table_name, t.company_id, t.machine_id, t.at, NOT bool_and(t.inserted)
        FROM taken AS t
        GROUP BY t.table_name, t.company_id, t.machine_id, t.at
    )
    SELECT count(*) INTO v_notes FROM taken AS t;
    IF v_notes = 0 THEN
        RETURN 0;
    END IF;
    -- Just emptied and filled: taken for one row, its rows are compared with each one of a chunk.
    IF v_notes > 500 THEN
        ANALYZE _stage.noted_keys;
    END IF;
    PERFORM _stage.keep_roll_up_before(n.table_name, min(n.at))
    FROM _stage.noted_keys AS n
    GROUP BY n.table_name;

    FOR v_range IN
        SELECT n.table_name, b.starts AS range_start, b.starts + INTERVAL '168 hours' AS range_end,
            min(n.at) AS first_at, max(n.at) + INTERVAL '1 microsecond' AS after_last
        FROM _stage.noted_keys AS n
        CROSS JOIN LATERAL (
            SELECT to_timestamp(floor(extract(epoch FROM n.at) / 604800) * 604800) AS starts
        ) AS b
        WHERE isfinite(n.at)
        GROUP BY n.table_name, b.starts
        ORDER BY n.table_name, b.starts
    LOOP
        INSERT INTO _archive.orphans (table_name, range_start, range_end, company_id, machine_id)
        SELECT DISTINCT n.table_name, v_range.range_start, v_range.range_end, n.company_id,
            n.machine_id
        FROM _stage.noted_keys AS n
        LEFT JOIN _stage.machine_map AS m
            ON m.company_id = n.company_id AND m.machine_id = n.machine_id
        WHERE n.table_name = v_range.table_name AND m.machine_iot_id IS NULL
            AND n.at >= v_range.range_start AND n.at < v_range.range_end
        ON CONFLICT (table_name, range_start, company_id, machine_id) DO NOTHING;
        BEGIN
            PERFORM _stage.remigrate(v_range.table_name, v_range.first_at, v_range.after_last);
        EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded
        THEN
            PERFORM _stage.remigrate_singly(
                v_range.table_name, v_range.first_at, v_range.after_last
            );
        END;
        PERFORM _stage.forget_counts(
            v_range.table_name, v_range.range_start, v_range.range_end
        );
    END LOOP;
    RETURN v_notes;
END
$function$;
COMMENT ON FUNCTION _stage.migrate_noted(bigint) IS
    'Processes notes on v1''s changes, all of them or so many; returns how many there were';

CREATE FUNCTION _stage.refuse_failures() RETURNS void
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_left text;
BEGIN
    SELECT string_agg(format('%s of %s/%s at %s: %s',
        f.table_name, f.company_id, f.machine_id, f.event_time, f.message), '; ')
    INTO v_left
    FROM (
        SELECT o.table_name, o.company_id, o.machine_id, o.event_time, o.message
        FROM _stage.migrate_failures AS o
        ORDER BY o.event_time
        LIMIT 20
    ) AS f;
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'cannot go on because v2 cannot hold some rows that v1 has written'
            USING ERRCODE = 'check_violation', DETAIL = v_left,
                HINT = 'Correct these rows in v1, or delete them, then upgrade again';
    END IF;
END
$function$;
COMMENT ON FUNCTION _stage.refuse_failures() IS
    'Raises when v2 cannot hold a row that v1 has written';

CREATE PROCEDURE _stage.catch_up()
LANGUAGE plpgsql
AS $procedure$
DECLARE
    c_most CONSTANT bigint := 50000;
    v_notes bigint;
    v_before bigint;
    v_all bigint := 0;
    v_failures bigint;
    v_chunk record;
BEGIN
    FOR v_round IN 1..2 LOOP
        FOR v_chunk IN SELECT DISTINCT n.table_name, n.chunk FROM _stage.noted_chunks AS n LOOP
            PERFORM _stage.follow_chunk(v_chunk.table_name, v_chunk.chunk);
            COMMIT;
        END LOOP;
        -- Each pass is shorter than the one before, until only rows remain that arrive during a
        -- pass. Those are many where v1 or the server is busy; then a pass is no shorter, and is
        -- the last.
        v_before := c_most;
        FOR v_pass IN 1..1000 LOOP
            v_notes := _stage.migrate_noted(c_most);
            COMMIT;
            v_all := v_all + v_notes;
            EXIT WHEN v_notes < 1000 OR (v_notes < c_most AND v_notes >= v_before);
            v_before := v_notes;
            RAISE NOTICE 'caught up with % notes on changes of v1; % in all', v_notes, v_all;
        END LOOP;
        EXIT WHEN v_round = 2 OR to_regprocedure('_stage.sp_roll_up(integer, jsonb)') IS NULL;
        -- Once 0105 has filled gold: hours and dates that are over since, and those that changed.
        -- v1 goes on writing meanwhile, so that it is followed once more.
        CALL _stage.fill_gold();
        PERFORM _stage.settle_past_shifts();
        COMMIT;
        CALL _stage.sp_roll_up(0, '{"max_runtime": "15 seconds"}');
    END LOOP;
    SELECT count(*) INTO v_failures FROM _stage.migrate_failures AS f;
    RAISE NOTICE 'v2 has followed % notes on changes of v1; it cannot hold % rows', v_all,
        v_failures;
END
$procedure$;

REVOKE ALL ON FUNCTION _stage.column_list(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.key_list(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.same_rest_of_key(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.first_created(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fill(text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.note_orphans(text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.still_held(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.note_differences(text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.compare(text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.is_recent(xid8) FROM PUBLIC;
REVOKE ALL ON FUNCTION
    _stage.note_written(text, timestamptz, timestamptz, xid8, boolean, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.forget_counts(text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.remigrate(text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.remigrate_singly(text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.migrate_masters() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.migrate_noted(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.refuse_failures() FROM PUBLIC;
REVOKE ALL ON PROCEDURE _stage.catch_up() FROM PUBLIC;
