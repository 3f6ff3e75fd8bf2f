-- An index on time alone costs half as much when it is built over rows that are there, and nothing
-- over a chunk that is compressed.
CREATE TABLE _stage.unbuilt_indexes (
    index_name text NOT NULL,
    definition text NOT NULL,
    CONSTRAINT unbuilt_indexes_pkey PRIMARY KEY (index_name)
);
COMMENT ON TABLE _stage.unbuilt_indexes IS
    'Indexes of v2''s tables to be built when the backfill is through';

CREATE FUNCTION _stage.put_off_indexes(p_table text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_empty boolean;
    v_index record;
BEGIN
    EXECUTE format('SELECT NOT EXISTS (SELECT FROM _stage.%I)', p_table) INTO v_empty;
    IF NOT v_empty THEN
        RETURN;
    END IF;
    FOR v_index IN
        SELECT i.indexrelid::regclass AS name, c.relname,
            pg_get_indexdef(i.indexrelid) AS definition
        FROM pg_index AS i
        INNER JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid = format('_stage.%I', p_table)::regclass AND NOT i.indisunique
    LOOP
        INSERT INTO _stage.unbuilt_indexes (index_name, definition)
        VALUES (v_index.relname, v_index.definition);
        EXECUTE format('DROP INDEX %s', v_index.name);
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _stage.put_off_indexes(text) IS
    'Leaves indexes of a table without rows, except unique ones, for after the backfill';

CREATE PROCEDURE _stage.build_indexes()
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_index record;
BEGIN
    FOR v_index IN
        SELECT u.index_name, u.definition FROM _stage.unbuilt_indexes AS u ORDER BY u.index_name
    LOOP
        EXECUTE v_index.definition;
        DELETE FROM _stage.unbuilt_indexes AS u WHERE u.index_name = v_index.index_name;
        COMMIT;
    END LOOP;
END
$procedure$;
COMMENT ON PROCEDURE _stage.build_indexes() IS
    'Builds the indexes that were left for after the backfill';

-- The time ranges to look at: v1's chunks, and the gaps between them, where v1 has nothing and v2
-- must have nothing either.
CREATE FUNCTION _stage.plan_backfill() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    -- The master data that it reads must be current.
    PERFORM _stage.migrate_masters();

    -- Notes that a downgrade left.
    WITH taken AS (
        DELETE FROM _archive.noted_rows AS n
        RETURNING n.table_name, n.company_id, n.machine_id, n.at, n.inserted
    )
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT t.table_name, t.company_id, t.machine_id, t.at, t.inserted FROM taken AS t;

    INSERT INTO _stage.backfill_progress (table_name, range_start, range_end)
    SELECT t.table_name, c.range_start, c.range_end
    FROM _archive.migrated_tables AS t
    CROSS JOIN LATERAL _archive.chunk_ranges(t.schema_name, t.table_name) AS c
    ON CONFLICT (table_name, range_start) DO NOTHING;

    INSERT INTO _stage.backfill_progress (table_name, range_start, range_end)
    SELECT g.table_name, g.range_start, g.range_end
    FROM (
        SELECT t.table_name, coalesce(p.range_end, '-infinity') AS range_start,
            coalesce(
                lead(p.range_start) OVER (
                    PARTITION BY t.table_name ORDER BY p.range_start NULLS FIRST
                ),
                'infinity'
            ) AS range_end
        FROM _archive.migrated_tables AS t
        CROSS JOIN LATERAL (
            SELECT b.range_start, b.range_end FROM _stage.backfill_progress AS b
            WHERE b.table_name = t.table_name
            UNION ALL
            SELECT NULL, NULL
        ) AS p
    ) AS g
    WHERE g.range_start < g.range_end
    ON CONFLICT (table_name, range_start) DO NOTHING;

    PERFORM _stage.put_off_indexes(t.table_name) FROM _archive.migrated_tables AS t;
    ANALYZE _stage.machine_map, _stage.shift_map, _stage.shift_hours;
END
$function$;
COMMENT ON FUNCTION _stage.plan_backfill() IS
    'Lists the time ranges that the backfill has to look at';

-- A row of a transaction that ran when a downgrade dropped the triggers, or later, is new.
CREATE FUNCTION _stage.count_new(
    p_table text, p_from timestamptz, p_to timestamptz,
    OUT v1_rows bigint, OUT new_rows bigint, OUT since xid8
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_table _archive.migrated_tables;
BEGIN
    SELECT t.* INTO STRICT v_table FROM _archive.migrated_tables AS t WHERE t.table_name = p_table;
    SELECT u.oldest_running INTO since FROM _archive.migrated_until AS u;
    -- Rows of the column store have no transaction.
    IF _stage.is_recent(since) IS NOT TRUE
        OR EXISTS (
            SELECT 1 FROM _archive.chunk_ranges(v_table.schema_name, p_table) AS c
            WHERE c.range_start = p_from AND c.is_compressed
        )
    THEN
        RETURN;
    END IF;
    EXECUTE format(
        'SELECT count(*), count(*) FILTER (WHERE age(v1.xmin) <= age($3)) FROM %I.%I AS v1 '
        'WHERE v1.%I >= $1 AND v1.%3$I < $2', v_table.schema_name, p_table, v_table.v1_time
    )
    INTO v1_rows, new_rows USING p_from, p_to, since::xid;
END
$function$;
COMMENT ON FUNCTION _stage.count_new(text, timestamptz, timestamptz) IS
    'How many v1 rows a time range has, and how many were written since the last downgrade; null '
    'where that cannot be said';

-- Rows that v1 wrote since a downgrade dropped the triggers. If the number of the others is
-- unchanged, nothing else changed.
CREATE FUNCTION _stage.note_what_is_new(
    p_table text, p_from timestamptz, p_to timestamptz, OUT v1_rows bigint, OUT only_added boolean
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_before bigint;
    v_new bigint;
    v_since xid8;
BEGIN
    SELECT c.v1_rows INTO v_before FROM _archive.migrated_chunks AS c
    WHERE c.table_name = p_table AND c.range_start = p_from AND c.range_end = p_to;
    only_added := false;
    IF v_before IS NULL THEN
        RETURN;
    END IF;
    SELECT n.v1_rows, n.new_rows, n.since INTO v1_rows, v_new, v_since
    FROM _stage.count_new(p_table, p_from, p_to) AS n;
    IF v_new IS NULL THEN
        RETURN;
    END IF;
    only_added := v1_rows - v_new = v_before;
    IF v_new > 0 THEN
        PERFORM _stage.note_written(p_table, p_from, p_to, v_since, only_added);
    END IF;
END
$function$;
COMMENT ON FUNCTION _stage.note_what_is_new(text, timestamptz, timestamptz) IS
    'Notes v1 rows of a time range written since the last downgrade; only_added: nothing else '
    'changed';

CREATE FUNCTION _stage.backfill_range(p_table text, p_from timestamptz, p_to timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_table _archive.migrated_tables;
    v_known boolean;
    v_v1_rows bigint;
    v_rows bigint := 0;
    v_only_added boolean;
BEGIN
    SELECT t.* INTO STRICT v_table FROM _archive.migrated_tables AS t WHERE t.table_name = p_table;
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM _stage.%I AS t WHERE t.%I >= $1 AND t.%2$I < $2)',
        p_table, v_table.v2_time
    ) INTO v_known USING p_from, p_to;

    IF v_known THEN
        SELECT n.v1_rows, n.only_added INTO v_v1_rows, v_only_added
        FROM _stage.note_what_is_new(p_table, p_from, p_to) AS n;
        IF NOT v_only_added THEN
            SELECT d.differing INTO v_rows FROM _stage.compare(p_table, p_from, p_to) AS d;
            v_v1_rows := _stage.note_orphans(p_table, p_from, p_to);
        END IF;
    ELSE
        -- Before the rows are read: sessions that add rows meanwhile note them.
        v_v1_rows := _stage.note_orphans(p_table, p_from, p_to);
        IF v_v1_rows > 0 THEN
            v_rows := _stage.fill(p_table, p_from, p_to);
        END IF;
    END IF;
    IF isfinite(p_from) AND isfinite(p_to) THEN
        INSERT INTO _archive.migrated_chunks AS c (table_name, range_start, range_end, v1_rows)
        VALUES (p_table, p_from, p_to, v_v1_rows)
        ON CONFLICT (table_name, range_start) DO UPDATE
        SET range_end = excluded.range_end, v1_rows = excluded.v1_rows;
    END IF;
    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _stage.backfill_range(text, timestamptz, timestamptz) IS
    'Migrates a time range, or notes what differs there if v2 knows it already';

-- A chunk of v2 may be longer than those of v1: it is done with the last of these.
CREATE FUNCTION _stage.compress_chunks(p_table text, p_from timestamptz, p_to timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_chunk record;
BEGIN
    -- Chunks that the column store's policy would compress first are compressed as they are filled,
    -- so that the disk never holds all of v2 uncompressed beside v1.
    IF current_setting('setu.backfill_compress') <> 'yes'
        OR current_setting('timescaledb.license') = 'apache'
    THEN
        RETURN;
    END IF;
    FOR v_chunk IN
        SELECT format('%I.%I', c.chunk_schema, c.chunk_name)::regclass AS name, (
            SELECT n.nspname FROM pg_extension AS e
            INNER JOIN pg_namespace AS n ON n.oid = e.extnamespace
            WHERE e.extname = 'timescaledb'
        ) AS extension
        FROM timescaledb_information.chunks AS c
        INNER JOIN timescaledb_information.hypertables AS t
            ON t.hypertable_schema = c.hypertable_schema AND t.hypertable_name = c.hypertable_name
        WHERE c.hypertable_schema = '_stage' AND c.hypertable_name = p_table
            AND t.compression_enabled AND NOT c.is_compressed
            AND c.range_start < p_to AND c.range_end > p_from
            AND c.range_end
                <= now() - current_setting('setu.silver_columnstore_after')::interval
            AND NOT EXISTS (
                SELECT 1 FROM _stage.backfill_progress AS p
                WHERE p.table_name = p_table AND p.finished_at IS NULL
                    AND p.range_start < c.range_end AND p.range_end > c.range_start
            )
    LOOP
        EXECUTE format('SELECT %I.compress_chunk(%L::regclass)', v_chunk.extension, v_chunk.name);
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _stage.compress_chunks(text, timestamptz, timestamptz) IS
    'Compresses v2''s chunks of a time range that are filled, if they are as old as the column '
    'store''s policy wants';

-- If two sessions finish the last ranges of a chunk at once, neither compresses it.
CREATE PROCEDURE _stage.compress_rest()
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN
        SELECT t.table_name FROM _archive.migrated_tables AS t ORDER BY t.table_name
    LOOP
        PERFORM _stage.compress_chunks(v_table, '-infinity', 'infinity');
        COMMIT;
    END LOOP;
END
$procedure$;
COMMENT ON PROCEDURE _stage.compress_rest() IS
    'Compresses chunks that the backfill has filled and left';

CREATE PROCEDURE _stage.backfill()
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_range record;
    v_rows bigint;
    v_total bigint;
    v_done integer;
    v_ranges integer;
BEGIN
    LOOP
        -- Several sessions may work in parallel: each takes a range that no other one has. If a
        -- session dies, its range is free again.
        SELECT p.table_name, p.range_start, p.range_end INTO v_range
        FROM _stage.backfill_progress AS p
        WHERE p.finished_at IS NULL
        ORDER BY p.range_start DESC, p.table_name
        LIMIT 1
        FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            EXIT WHEN NOT EXISTS (
                SELECT FROM _stage.backfill_progress AS p WHERE p.finished_at IS NULL
            );
            COMMIT;
            PERFORM pg_sleep(0.1);
            CONTINUE;
        END IF;

        v_rows := _stage.backfill_range(
            v_range.table_name, v_range.range_start, v_range.range_end
        );

        UPDATE _stage.backfill_progress AS p
        SET finished_at = clock_timestamp(), rows_migrated = v_rows
        WHERE p.table_name = v_range.table_name AND p.range_start = v_range.range_start;
        PERFORM _stage.compress_chunks(v_range.table_name, v_range.range_start, v_range.range_end);
        COMMIT;

        IF isfinite(v_range.range_start) THEN
            SELECT count(p.finished_at), count(*), coalesce(sum(p.rows_migrated), 0)
            INTO v_done, v_ranges, v_total
            FROM _stage.backfill_progress AS p
            WHERE isfinite(p.range_start);
            RAISE NOTICE 'backfill %: chunk % of %, from %, % rows', v_range.table_name, v_done,
                v_ranges, v_range.range_start::date, v_total;
            PERFORM pg_sleep(extract(epoch FROM current_setting('setu.backfill_pause')::interval));
        END IF;
    END LOOP;
END
$procedure$;

REVOKE ALL ON FUNCTION _stage.put_off_indexes(text) FROM PUBLIC;
REVOKE ALL ON PROCEDURE _stage.build_indexes() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.plan_backfill() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.count_new(text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.note_what_is_new(text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.backfill_range(text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.compress_chunks(text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON PROCEDURE _stage.compress_rest() FROM PUBLIC;
REVOKE ALL ON PROCEDURE _stage.backfill() FROM PUBLIC;
