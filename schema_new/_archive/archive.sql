-- lint: allow-file plain-create: the archive outlives a downgrade and is met again
-- The archive: its tables, and the functions that archive and restore. Downgrades keep it.
CREATE SCHEMA IF NOT EXISTS _archive;
COMMENT ON SCHEMA _archive IS
    'Rows of the version that is not live, and the keys that map v1 rows to v2 rows. Not for '
    'queries.';
REVOKE ALL ON SCHEMA _archive FROM PUBLIC;

CREATE TABLE IF NOT EXISTS _archive.company_keys (
    company_iot_id integer PRIMARY KEY,
    company_id text NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS _archive.plant_keys (
    plant_iot_id integer PRIMARY KEY,
    company_id text NOT NULL,
    plant_id text NOT NULL,
    UNIQUE (company_id, plant_id)
);
CREATE TABLE IF NOT EXISTS _archive.machine_keys (
    machine_iot_id integer PRIMARY KEY,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (company_id, machine_id)
);
CREATE TABLE IF NOT EXISTS _archive.former_machine_keys (
    machine_iot_id integer PRIMARY KEY,
    company_id text NOT NULL,
    machine_id text NOT NULL
);
COMMENT ON TABLE _archive.former_machine_keys IS
    'Former keys of machines that were deleted and registered again: rows in silver may have them';
CREATE TABLE IF NOT EXISTS _archive.shift_keys (
    plant_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    v1_shift_id text NOT NULL,
    PRIMARY KEY (plant_iot_id, shift_id),
    UNIQUE (plant_iot_id, v1_shift_id)
);
-- v1 kept its downtime codes company by company; v2 has one catalogue.
CREATE TABLE IF NOT EXISTS _archive.down_code_keys (
    company_id text NOT NULL,
    v1_down_id integer NOT NULL,
    down_id integer NOT NULL,
    PRIMARY KEY (company_id, v1_down_id)
);
-- The time series that are migrated between the versions, and how a row of one version is matched
-- with its row in the other: by company, machine and time, and by the columns in same_columns. A
-- row whose end_column differs is another row.
CREATE TABLE IF NOT EXISTS _archive.migrated_tables (
    table_name text PRIMARY KEY,
    schema_name text NOT NULL,
    v1_time text NOT NULL,
    v2_time text NOT NULL,
    same_columns text[] NOT NULL,
    end_column text,
    v2_key text[] NOT NULL,
    has_created_at boolean NOT NULL,
    rounded_when text NOT NULL
);
COMMENT ON COLUMN _archive.migrated_tables.rounded_when IS
    'Condition on a row v1 that v2 holds only rounded';
TRUNCATE _archive.migrated_tables;
INSERT INTO _archive.migrated_tables (
    schema_name, table_name, v1_time, v2_time, same_columns, end_column, v2_key, has_created_at,
    rounded_when
)
VALUES
    ('silver', 'machine_cycles', 'cycle_start', 'cycle_start', '{}', 'cycle_end',
        '{machine_iot_id,cycle_start}', true, 'false'),
    ('silver', 'machine_downtime', 'down_start', 'down_start', '{}', 'down_end',
        '{machine_iot_id,down_start}', true, 'false'),
    ('silver', 'machine_status', 'time', 'event_time', '{}', NULL,
        '{machine_iot_id,event_time}', true, 'false'),
    ('silver', 'machine_alarms', 'time', 'event_time', '{alarm_no}', NULL,
        '{machine_iot_id,event_time,alarm_no}', true, 'false'),
    ('silver', 'machine_energy', 'time', 'event_time', '{category}', NULL,
        '{machine_iot_id,event_time,category}', true,
        'v1.servo_energy <> round(v1.servo_energy::numeric, 3)::double precision
            OR v1.spindle_energy <> round(v1.spindle_energy::numeric, 3)::double precision
            OR v1.total_energy <> round(v1.total_energy::numeric, 3)::double precision'),
    ('silver', 'machine_focas', 'time', 'event_time', '{}', NULL,
        '{machine_iot_id,event_time}', true,
        'v1.part_count <> trunc(v1.part_count) OR v1.rej_count <> trunc(v1.rej_count)
            OR v1.pot <> trunc(v1.pot) OR v1.ot <> trunc(v1.ot) OR v1.ct <> trunc(v1.ct)'),
    ('silver', 'machine_tool_usage', 'time', 'event_time', '{tool_no}', NULL,
        '{machine_iot_id,event_time,tool_no}', true,
        'v1.target_count <> trunc(v1.target_count) OR v1.actual_count <> trunc(v1.actual_count)'),
    ('silver', 'machine_pm_status', 'time', 'event_time', '{}', NULL,
        '{machine_iot_id,event_time}', true, 'false'),
    ('silver', 'customer_feedback', 'time', 'event_time', '{question_id,user_id}', NULL,
        '{machine_iot_id,event_time,question_id,user_id}', true, 'false'),
    ('alerting', 'history', 'time', 'time', '{alert_id}', NULL, '{alert_id,time}', false, 'false');

-- The rows of v1 that v2 has seen, so that another upgrade looks only at what v1 changed in
-- between.
CREATE TABLE IF NOT EXISTS _archive.migrated_chunks (
    table_name text NOT NULL,
    range_start timestamptz NOT NULL,
    range_end timestamptz NOT NULL,
    v1_rows bigint,
    PRIMARY KEY (table_name, range_start)
);
COMMENT ON COLUMN _archive.migrated_chunks.v1_rows IS
    'Rows of v1 in this range when v2 last held all of them; null where that is not known';
CREATE TABLE IF NOT EXISTS _archive.migrated_until (
    oldest_running xid8 NOT NULL
);
COMMENT ON TABLE _archive.migrated_until IS
    'Rows of v1 written by this transaction or a later one were written after v1 was watched';
CREATE TABLE IF NOT EXISTS _archive.kept_roll_up (
    plant_iot_id integer NOT NULL PRIMARY KEY,
    first_date date NOT NULL,
    last_date date NOT NULL
);
COMMENT ON TABLE _archive.kept_roll_up IS
    'Business dates whose rolled-up shifts still hold while v1 is live: all before the first '
    'change';
CREATE TABLE IF NOT EXISTS _archive.orphans (
    table_name text NOT NULL,
    range_start timestamptz NOT NULL,
    range_end timestamptz NOT NULL,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    PRIMARY KEY (table_name, range_start, company_id, machine_id)
);
COMMENT ON TABLE _archive.orphans IS
    'Where v1 has rows of machines that its master does not know; they migrate once it does';
CREATE TABLE IF NOT EXISTS _archive.noted_rows (
    table_name text,
    company_id text,
    machine_id text,
    at timestamptz,
    inserted boolean
);
COMMENT ON TABLE _archive.noted_rows IS
    'Notes on v1''s changes that were not processed when a downgrade took the triggers away';
CREATE TABLE IF NOT EXISTS _archive.paused_jobs (
    job_id integer PRIMARY KEY,
    table_name text NOT NULL,
    scheduled boolean NOT NULL
);
CREATE TABLE IF NOT EXISTS _archive.flattened_payloads (
    digest text PRIMARY KEY,
    ingest_time timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS _archive.flattened_rows (
    bronze_table text NOT NULL,
    bronze_id bigint NOT NULL,
    digest text NOT NULL,
    PRIMARY KEY (bronze_table, bronze_id)
);
CREATE TABLE IF NOT EXISTS _archive.unread_payloads (
    ingest_time timestamptz,
    reason_code text NOT NULL,
    detail text NOT NULL,
    row_data jsonb NOT NULL
);
CREATE TABLE IF NOT EXISTS _archive.row_reconciliation (
    table_name text NOT NULL,
    range_start timestamptz NOT NULL,
    range_end timestamptz NOT NULL,
    v1_rows bigint NOT NULL,
    migrated bigint NOT NULL,
    merged bigint NOT NULL,
    left_out bigint NOT NULL,
    in_future bigint NOT NULL DEFAULT 0,
    rounded bigint NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (table_name, range_start)
);
COMMENT ON TABLE _archive.row_reconciliation IS
    'What became of each chunk''s v1 rows: v1_rows = migrated + merged + left_out; of these, '
    'rounded';
COMMENT ON COLUMN _archive.row_reconciliation.in_future IS
    'Of left_out: those whose event lies too far after their arrival';
CREATE TABLE IF NOT EXISTS _archive.settled_ranges (
    table_name text NOT NULL,
    range_start timestamptz NOT NULL,
    range_end timestamptz NOT NULL,
    v1_rows bigint NOT NULL,
    migrated bigint NOT NULL,
    merged bigint NOT NULL,
    left_out bigint NOT NULL,
    in_future bigint NOT NULL,
    rounded bigint NOT NULL,
    PRIMARY KEY (table_name, range_start)
);
COMMENT ON TABLE _archive.settled_ranges IS
    'Numbers of row_reconciliation for ranges that did not change between swap and swap back';
CREATE TABLE IF NOT EXISTS _archive.settled_machines (
    machine_iot_id integer NOT NULL,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    PRIMARY KEY (company_id, machine_id)
);
COMMENT ON TABLE _archive.settled_machines IS
    'The machines to which the numbers of settled_ranges apply';

-- The rule of the loads (_etl.load_settings), applied to the migration from v1: an event that lies
-- further after its arrival comes from a wrong clock and stays in the archive.
CREATE OR REPLACE FUNCTION _archive.future_limit() RETURNS interval
LANGUAGE sql STABLE SECURITY INVOKER
RETURN coalesce(nullif(current_setting('setu.future_limit', true), ''), '1 day')::interval;
REVOKE ALL ON FUNCTION _archive.future_limit() FROM PUBLIC;
COMMENT ON FUNCTION _archive.future_limit() IS
    'How far after its arrival an event of v1 may lie to go to v2';

CREATE OR REPLACE FUNCTION _archive.future_condition(p_table text) RETURNS text
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT CASE
        WHEN t.schema_name = 'silver' AND t.table_name LIKE 'machine\_%' THEN format(
            'v1.%I > least(nullif(v1.created_at, ''-infinity''), now())'
            ' + (SELECT _archive.future_limit())',
            t.v1_time
        )
        ELSE 'false'
    END
    FROM _archive.migrated_tables AS t
    WHERE t.table_name = p_table
$function$;
REVOKE ALL ON FUNCTION _archive.future_condition(text) FROM PUBLIC;
COMMENT ON FUNCTION _archive.future_condition(text) IS
    'Condition on a row v1 of a table that it lies in the future, and so does not go to v2';

-- TimescaleDB before 2.28 cannot plan a comparison with a time from 294247 on, where the chunk of
-- infinite times begins.
CREATE OR REPLACE FUNCTION _archive.chunk_ranges(
    p_schema text, p_table text,
    OUT range_start timestamptz, OUT range_end timestamptz, OUT is_compressed boolean,
    OUT chunk oid
)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT
        CASE WHEN isfinite(c.range_start) THEN least(c.range_start, l.last) ELSE c.range_start END,
        CASE WHEN isfinite(c.range_end) THEN least(c.range_end, l.last) ELSE c.range_end END,
        c.is_compressed,
        format('%I.%I', c.chunk_schema, c.chunk_name)::regclass
    FROM timescaledb_information.chunks AS c
    CROSS JOIN (SELECT '294246-12-31 23:59:59.999999+00'::timestamptz AS last) AS l
    WHERE c.hypertable_schema = p_schema AND c.hypertable_name = p_table
$function$;
REVOKE ALL ON FUNCTION _archive.chunk_ranges(text, text) FROM PUBLIC;
COMMENT ON FUNCTION _archive.chunk_ranges(text, text) IS
    'The time ranges of a hypertable''s chunks, with bounds that a query can compare with';

-- Also with session_replication_role = replica. TimescaleDB can enable triggers of hypertables from
-- 2.27 on; with older versions only a comparison of all rows finds what such a session wrote.
CREATE OR REPLACE FUNCTION _archive.fire_for_replicas(p_table regclass, p_trigger text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', p_table, p_trigger);
EXCEPTION WHEN feature_not_supported THEN
    RAISE DEBUG 'trigger % of % does not fire for replicas', p_trigger, p_table;
END
$function$;
REVOKE ALL ON FUNCTION _archive.fire_for_replicas(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION _archive.fire_for_replicas(regclass, text) IS
    'Lets a trigger fire in a session that plays a replica, where this version of TimescaleDB can';

CREATE OR REPLACE FUNCTION _archive.archive_table(p_table regclass, p_name text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_schema text;
    v_table text;
    v_job record;
BEGIN
    SELECT n.nspname, c.relname INTO STRICT v_schema, v_table
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = p_table;

    -- A retention policy must not drop archived rows. The Apache edition has no such jobs.
    FOR v_job IN
        SELECT j.job_id, j.scheduled
        FROM timescaledb_information.jobs AS j
        WHERE j.hypertable_schema = v_schema AND j.hypertable_name = v_table
    LOOP
        INSERT INTO _archive.paused_jobs (job_id, table_name, scheduled)
        VALUES (v_job.job_id, p_name, v_job.scheduled);
        EXECUTE format('SELECT %s.alter_job(job_id => %s, scheduled => false)',
            (SELECT n.nspname FROM pg_extension AS e
             INNER JOIN pg_namespace AS n ON n.oid = e.extnamespace
             WHERE e.extname = 'timescaledb'),
            v_job.job_id);
    END LOOP;

    IF v_table <> p_name THEN
        EXECUTE format('ALTER TABLE %s RENAME TO %I', p_table, p_name);
    END IF;
    EXECUTE format('ALTER TABLE %s SET SCHEMA _archive', p_table);
END
$function$;
COMMENT ON FUNCTION _archive.archive_table(regclass, text) IS
    'Moves a table with its rows into _archive under a name, and pauses its jobs';

CREATE OR REPLACE FUNCTION _archive.restore_table(p_name text, p_schema text, p_table text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_archived regclass := to_regclass(format('_archive.%I', p_name));
    v_job record;
BEGIN
    IF v_archived IS NULL THEN
        RAISE EXCEPTION 'cannot restore %.% because _archive.% is not there',
            p_schema, p_table, p_name
            USING ERRCODE = 'undefined_table',
                HINT = 'Restore the archive from a backup: it was dropped, or changed by hand';
    END IF;
    EXECUTE format('ALTER TABLE %s SET SCHEMA %I', v_archived, p_schema);
    IF p_name <> p_table THEN
        EXECUTE format('ALTER TABLE %s RENAME TO %I', v_archived, p_table);
    END IF;
    FOR v_job IN
        DELETE FROM _archive.paused_jobs AS s WHERE s.table_name = p_name
        RETURNING s.job_id, s.scheduled
    LOOP
        EXECUTE format('SELECT %s.alter_job(job_id => %s, scheduled => %L)',
            (SELECT n.nspname FROM pg_extension AS e
             INNER JOIN pg_namespace AS n ON n.oid = e.extnamespace
             WHERE e.extname = 'timescaledb'),
            v_job.job_id, v_job.scheduled);
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _archive.restore_table(text, text, text) IS
    'Moves an archived table back to where it lives, and lets its jobs run again';

CREATE OR REPLACE FUNCTION _archive.archive_tables(p_from text, p_to text, p_names text[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT _archive.archive_table(format('%I.%I', p_from, t.name)::regclass, t.name)
    FROM unnest(p_names) AS t (name)
    WHERE p_to = '_archive'
$function$;

CREATE OR REPLACE FUNCTION _archive.restore_tables(p_from text, p_to text, p_names text[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT _archive.restore_table(t.name, p_to, t.name) FROM unnest(p_names) AS t (name)
    WHERE p_from = '_archive'
$function$;

CREATE OR REPLACE FUNCTION _archive.move_tables(p_from text, p_to text, p_names text[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_name text;
BEGIN
    FOREACH v_name IN ARRAY p_names LOOP
        EXECUTE format('ALTER TABLE %I.%I SET SCHEMA %I', p_from, v_name, p_to);
    END LOOP;
END
$function$;

CREATE OR REPLACE FUNCTION _archive.move_aggregates(
    p_from text, p_to text, p_names text[], p_deadline timestamptz DEFAULT NULL
)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_limit text := current_setting('lock_timeout');
    v_aggregate record;
    v_job record;
    v_extension name := (
        SELECT n.nspname FROM pg_extension AS e
        INNER JOIN pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'timescaledb'
    );
BEGIN
    FOR v_aggregate IN
        SELECT c.view_name, c.materialization_hypertable_schema, c.materialization_hypertable_name
        FROM timescaledb_information.continuous_aggregates AS c
        WHERE c.view_schema = p_from AND c.view_name = ANY (p_names)
    LOOP
        FOR v_job IN
            SELECT j.job_id, j.scheduled
            FROM timescaledb_information.jobs AS j
            WHERE (j.hypertable_schema, j.hypertable_name) IN (
                (
                    v_aggregate.materialization_hypertable_schema,
                    v_aggregate.materialization_hypertable_name
                ),
                (p_from, v_aggregate.view_name)
            )
        LOOP
            IF p_to = '_archive' THEN
                INSERT INTO _archive.paused_jobs (job_id, table_name, scheduled)
                VALUES (v_job.job_id, v_aggregate.view_name, v_job.scheduled);
                EXECUTE format('SELECT %I.alter_job(job_id => %s, scheduled => false)',
                    v_extension, v_job.job_id);
            ELSE
                DELETE FROM _archive.paused_jobs AS s
                WHERE s.job_id = v_job.job_id
                RETURNING s.scheduled INTO v_job.scheduled;
                EXECUTE format('SELECT %I.alter_job(job_id => %s, scheduled => %L)',
                    v_extension, v_job.job_id, v_job.scheduled);
            END IF;
        END LOOP;
        IF p_deadline IS NOT NULL THEN
            PERFORM set_config('lock_timeout', greatest(
                1, ceil(extract(epoch FROM p_deadline - clock_timestamp()) * 1000)
            )::text, true);
        END IF;
        EXECUTE format('ALTER MATERIALIZED VIEW %I.%I SET SCHEMA %I',
            p_from, v_aggregate.view_name, p_to);
    END LOOP;
    PERFORM set_config('lock_timeout', v_limit, true);
END
$function$;
COMMENT ON FUNCTION _archive.move_aggregates(text, text, text[], timestamptz) IS
    'Moves continuous aggregates with their data to or from _archive; their jobs pause and resume '
    'with them';

CREATE OR REPLACE FUNCTION _archive.archive_aggregates(p_schema text, p_names text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_name text;
BEGIN
    FOR v_name IN
        SELECT c.view_name FROM timescaledb_information.continuous_aggregates AS c
        WHERE c.view_schema = p_schema AND c.view_name = ANY (p_names)
    LOOP
        EXECUTE format(
            'ALTER MATERIALIZED VIEW %I.%I RENAME TO %I', p_schema, v_name, 'v2_' || v_name
        );
        EXECUTE format(
            'ALTER MATERIALIZED VIEW %I.%I SET SCHEMA _archive', p_schema, 'v2_' || v_name
        );
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _archive.archive_aggregates(text, text[]) IS
    'Moves v2''s continuous aggregates with their data to _archive';

CREATE OR REPLACE FUNCTION _archive.restore_aggregates(p_schema text, p_names text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_aggregate record;
BEGIN
    -- Aggregates come from silver, so one whose definition has changed is computed again.
    FOR v_aggregate IN
        SELECT new.view_name, old.view_definition = new.view_definition AS same
        FROM timescaledb_information.continuous_aggregates AS old
        INNER JOIN timescaledb_information.continuous_aggregates AS new
            ON old.view_name = 'v2_' || new.view_name
        WHERE old.view_schema = '_archive' AND new.view_schema = p_schema
            AND new.view_name = ANY (p_names)
    LOOP
        IF v_aggregate.same THEN
            EXECUTE format('DROP MATERIALIZED VIEW %I.%I', p_schema, v_aggregate.view_name);
            EXECUTE format('ALTER MATERIALIZED VIEW _archive.%I SET SCHEMA %I',
                'v2_' || v_aggregate.view_name, p_schema);
            EXECUTE format('ALTER MATERIALIZED VIEW %I.%I RENAME TO %I',
                p_schema, 'v2_' || v_aggregate.view_name, v_aggregate.view_name);
        ELSE
            EXECUTE format('DROP MATERIALIZED VIEW _archive.%I', 'v2_' || v_aggregate.view_name);
        END IF;
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _archive.restore_aggregates(text, text[]) IS
    'Puts archived continuous aggregates in the place of the empty ones just created';

CREATE OR REPLACE FUNCTION _archive.restore_in_place(p_schema text, VARIADIC p_tables text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning  -- the CASCADE below drops foreign keys of empty tables
AS $function$
DECLARE
    v_difference text;
BEGIN
    -- The new definition and the archived table must agree, or restoring the table would be silent
    -- drift.
    WITH sides AS (
        SELECT c.oid, t.name, c.relnamespace = '_archive'::regnamespace AS archived,
            a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull
        FROM unnest(p_tables) AS t (name)
        INNER JOIN pg_class AS c ON c.oid IN (
            to_regclass(format('%I.%I', p_schema, t.name)),
            to_regclass(format('_archive.%I', 'v2_' || t.name))
        )
        INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE to_regclass(format('_archive.%I', 'v2_' || t.name)) IS NOT NULL
    )
    SELECT string_agg(
        DISTINCT format('%s.%s', coalesce(f.name, s.name), coalesce(f.attname, s.attname)), ', '
    )
    INTO v_difference
    FROM (
        SELECT o.oid, o.name, o.attname, o.type, o.attnotnull FROM sides AS o WHERE NOT o.archived
    ) AS f
    FULL JOIN (
        SELECT o.oid, o.name, o.attname, o.type, o.attnotnull FROM sides AS o WHERE o.archived
    ) AS s USING (name, attname, type, attnotnull)
    WHERE f.oid IS NULL OR s.oid IS NULL;

    IF v_difference IS NOT NULL THEN
        RAISE EXCEPTION 'cannot restore archived v2 tables because their columns differ from '
                        'schema_new'
            USING ERRCODE = 'invalid_table_definition',
                DETAIL = format('Columns: %s.', v_difference),
                HINT = 'Undo the change to the tables in _archive, or to schema_new since the '
                       'downgrade';
    END IF;

    FOR v_index IN REVERSE array_length(p_tables, 1)..1 LOOP
        IF to_regclass(format('_archive.%I', 'v2_' || p_tables[v_index])) IS NOT NULL THEN
            EXECUTE format('ALTER TABLE %I.%I RENAME TO %I',
                p_schema, p_tables[v_index], 'fresh_' || v_index::text);
        END IF;
    END LOOP;
    -- The new tables are empty and refer only to each other: CASCADE drops their foreign keys and
    -- no row.
    FOR v_index IN 1..array_length(p_tables, 1) LOOP
        IF to_regclass(format('_archive.%I', 'v2_' || p_tables[v_index])) IS NOT NULL THEN
            EXECUTE format('DROP TABLE %I.%I CASCADE', p_schema, 'fresh_' || v_index::text);
            PERFORM _archive.restore_table('v2_' || p_tables[v_index], p_schema, p_tables[v_index]);
        END IF;
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _archive.restore_in_place(text, text[]) IS
    'Puts tables that a downgrade archived in the place of the empty ones just created';

CREATE OR REPLACE FUNCTION _archive.lock_within(
    p_mode text, p_tables regclass[], p_deadline timestamptz
)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_limit text := current_setting('lock_timeout');
    v_table regclass;
BEGIN
    FOREACH v_table IN ARRAY p_tables LOOP
        PERFORM set_config('lock_timeout', greatest(
            1, ceil(extract(epoch FROM p_deadline - clock_timestamp()) * 1000)
        )::text, true);
        EXECUTE format('LOCK TABLE ONLY %s IN %s MODE', v_table, p_mode);
    END LOOP;
    PERFORM set_config('lock_timeout', v_limit, true);
END
$function$;
COMMENT ON FUNCTION _archive.lock_within(text, regclass[], timestamptz) IS
    'Locks the tables in the order given, all of them before a deadline, or fails';

CREATE OR REPLACE FUNCTION _archive.lock_schema(p_schema text, VARIADIC p_but text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN
        SELECT c.oid
        FROM pg_class AS c
        WHERE c.relnamespace = p_schema::regnamespace AND c.relkind IN ('r', 'p')
            AND c.relname <> ALL (p_but)
        ORDER BY c.relname
    LOOP
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', v_table);
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _archive.lock_schema(text, text[]) IS
    'Locks the tables of a schema in which only the deploy and autovacuum are at work, so that it '
    'waits for neither once it has locked those that others use';

CREATE OR REPLACE FUNCTION _archive.lock_deadline(p_first interval DEFAULT INTERVAL '1 day')
RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    -- A session that waits for one of our locks checks for a deadlock after deadlock_timeout and
    -- would fail. By then this transaction no longer waits: it has all locks or none. Where it did
    -- not get them in two short waits, statements last longer than these, and no short one will do.
    SELECT clock_timestamp() + least(
        nullif(current_setting('lock_timeout')::interval, INTERVAL '0'),
        current_setting('deadlock_timeout')::interval * 0.9,
        CASE WHEN coalesce(nullif(current_setting('setu.attempt', true), ''), '1')::integer <= 2
            THEN p_first END
    )
$function$;
COMMENT ON FUNCTION _archive.lock_deadline(interval) IS
    'The time until which the session may wait for all locks together: p_first at most in the '
    'first two attempts of a step';

CREATE OR REPLACE FUNCTION _archive.await_quiet(p_schemas text[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_relations oid[];
    v_fewest bigint;
    v_holders bigint;
    v_started timestamptz := clock_timestamp();
BEGIN
    -- A lock is granted when all present holders have ended: the fewer, the sooner. So this waits
    -- until they are as few as in the second before; counting them blocks no session.
    SELECT array_agg(c.oid) INTO v_relations
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY (p_schemas) AND c.relkind IN ('r', 'v');
    LOOP
        SELECT count(DISTINCT l.virtualtransaction) INTO v_holders
        FROM pg_locks AS l
        WHERE l.locktype = 'relation' AND l.relation = ANY (v_relations) AND l.granted
            AND l.pid IS DISTINCT FROM nullif(pg_backend_pid(), 0)
            AND l.database = (
                SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()
            );
        EXIT WHEN v_holders = 0 OR clock_timestamp() > v_started + INTERVAL '5 seconds'
            OR (clock_timestamp() > v_started + INTERVAL '1 second' AND v_holders <= v_fewest);
        v_fewest := least(v_fewest, v_holders);
        PERFORM pg_sleep(0.005);
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _archive.await_quiet(text[]) IS
    'Waits for some seconds at most, and without a lock, until few transactions hold locks in '
    'these schemas';

CREATE OR REPLACE FUNCTION _archive.lock_tables(VARIADIC p_tables regclass[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT _archive.lock_within('ACCESS EXCLUSIVE', p_tables, _archive.lock_deadline())
$function$;
COMMENT ON FUNCTION _archive.lock_tables(regclass[]) IS
    'Takes ACCESS EXCLUSIVE on all the tables within one lock_timeout, or none';

CREATE OR REPLACE FUNCTION _archive.v1_tables() RETURNS text[]
LANGUAGE sql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    -- A transaction that holds any lock on a table need not queue there. So the first locked table
    -- works as a gate: new transactions wait for it, and those past it end. Referencing tables come
    -- before referenced ones; tables come in the order in which an ingest reads and then writes
    -- them; companies, which every foreign key reads last, come last.
    SELECT ARRAY[
        'master.machine_assets', 'master.production_targets', 'master.machine_health_settings',
        'config.alert_subscriptions', 'alerting.active_alerts', 'config.alert_rules',
        'master.machine_info', 'master.shifts',
        'silver.machine_status', 'silver.machine_cycles', 'silver.machine_downtime',
        'silver.machine_alarms', 'silver.machine_energy', 'silver.machine_focas',
        'silver.machine_tool_usage', 'silver.machine_pm_status', 'silver.customer_feedback',
        'alerting.history',
        'master.downtime_codes', 'master.users', 'master.plants', 'master.companies'
    ]
$function$;
COMMENT ON FUNCTION _archive.v1_tables() IS
    'v1''s tables that v2 replaces, in the order in which v1''s own code locks them';
