-- From the swap on, what changes in v2's silver and alert history is noted, so that the way back looks at
-- these rows alone. A note is coarse: an hour, and the machines of it, or all of them where they are
-- many. It is written by the statement that makes the change, waits for nobody and nobody waits for it.
CREATE TABLE _archive.change_notes (
    table_name text NOT NULL,
    hour timestamptz,
    machines integer[],
    rows bigint NOT NULL,
    replaced boolean NOT NULL,
    migrated_at timestamptz
);
COMMENT ON TABLE _archive.change_notes IS
    'Hours and machines in which v2 changed since the swap; migrated_at: the way back has been there';
COMMENT ON COLUMN _archive.change_notes.table_name IS 'Of a hypertable; master: any of the other tables';
COMMENT ON COLUMN _archive.change_notes.hour IS 'Null: rows were deleted, and any hour may be concerned';
COMMENT ON COLUMN _archive.change_notes.machines IS 'Null: any machine';
COMMENT ON COLUMN _archive.change_notes.replaced IS
    'Rows were changed or deleted: what the way back made of them before may be out of date';
CREATE INDEX change_notes_hour_idx ON _archive.change_notes (table_name, hour) WHERE migrated_at IS NULL;

CREATE TABLE _archive.swapped (swapped_at timestamptz NOT NULL);
COMMENT ON TABLE _archive.swapped IS 'When v2 went live: what was created later arrived under v2';
INSERT INTO _archive.swapped (swapped_at) VALUES (clock_timestamp());

-- Statement triggers with transition tables: one call a statement, whatever its rows, also for COPY and
-- for rows of the column store. There is no such thing for DELETE on a hypertable. Retention drops
-- chunks, which no trigger sees, and leaves no note.
DO $notes$
DECLARE
    v_migrated record;
    v_statement text;
BEGIN
    FOR v_migrated IN SELECT t.* FROM _archive.migrated_tables AS t ORDER BY t.table_name LOOP
        v_statement := format(
            $query$
                INSERT INTO _archive.change_notes (table_name, hour, machines, rows, replaced)
                SELECT %1$L, g.hour,
                    CASE WHEN count(*) <= 1000 THEN array_agg(g.machine_iot_id) END,
                    sum(g.rows), %%1$L
                FROM (
                    SELECT
                        date_bin(INTERVAL '1 hour', c.%2$I, TIMESTAMPTZ '2000-01-01 00:00+00') AS hour,
                        c.machine_iot_id,
                        count(*) AS rows
                    FROM %%2$s AS c
                    GROUP BY 1, 2
                ) AS g
                GROUP BY g.hour;
            $query$,
            v_migrated.table_name, v_migrated.v2_time
        );
        EXECUTE format(
            $create$
                CREATE FUNCTION _archive.%1$I() RETURNS trigger
                LANGUAGE plpgsql VOLATILE SECURITY DEFINER
                SET search_path = pg_catalog, pg_temp
                AS $function$
                BEGIN
                    %2$s
                    RETURN NULL;
                END
                $function$
            $create$,
            'note_inserted_' || v_migrated.table_name, format(v_statement, 'false', 'changed')
        );
        EXECUTE format(
            $create$
                CREATE FUNCTION _archive.%1$I() RETURNS trigger
                LANGUAGE plpgsql VOLATILE SECURITY DEFINER
                SET search_path = pg_catalog, pg_temp
                AS $function$
                BEGIN
                    %2$s
                    RETURN NULL;
                END
                $function$
            $create$,
            -- Where a row was, too: its time or its machine may have been changed.
            'note_updated_' || v_migrated.table_name,
            format(v_statement, 'true', '(TABLE changed UNION ALL TABLE before)')
        );
        EXECUTE format('REVOKE ALL ON FUNCTION _archive.%I(), _archive.%I() FROM PUBLIC',
            'note_inserted_' || v_migrated.table_name, 'note_updated_' || v_migrated.table_name);
        EXECUTE format(
            'CREATE TRIGGER setu_note_inserted AFTER INSERT ON %I.%I REFERENCING NEW TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION _archive.%I()',
            v_migrated.schema_name, v_migrated.table_name, 'note_inserted_' || v_migrated.table_name
        );
        EXECUTE format(
            'CREATE TRIGGER setu_note_updated AFTER UPDATE ON %I.%I '
            'REFERENCING OLD TABLE AS before NEW TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION _archive.%I()',
            v_migrated.schema_name, v_migrated.table_name, 'note_updated_' || v_migrated.table_name
        );
    END LOOP;
END
$notes$;

CREATE FUNCTION _archive.note_deleted() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _archive.change_notes (table_name, rows, replaced) VALUES (TG_TABLE_NAME, 0, true);
    RETURN NULL;
END
$function$;
REVOKE ALL ON FUNCTION _archive.note_deleted() FROM PUBLIC;

CREATE FUNCTION _archive.note_master_change() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _archive.change_notes (table_name, rows, replaced) VALUES ('master', 0, true);
    RETURN NULL;
END
$function$;
REVOKE ALL ON FUNCTION _archive.note_master_change() FROM PUBLIC;

-- ALWAYS: session_replication_role does not switch them off.
DO $triggers$
DECLARE
    v_migrated record;
    v_trigger text;
    v_table regclass;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'master.companies', 'master.plants', 'master.device_info', 'master.machine_info',
        'master.plant_machine_mapping', 'master.shift_definitions', 'master.downtime_codes',
        'master.machine_assets', 'master.production_targets', 'master.users', 'config.alert_rules',
        'config.alert_subscriptions', 'alerting.active_alerts'
    ]::regclass[] LOOP
        EXECUTE format(
            'CREATE TRIGGER setu_note_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
            'FOR EACH STATEMENT EXECUTE FUNCTION _archive.note_master_change()', v_table
        );
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER setu_note_change', v_table);
    END LOOP;
    FOR v_migrated IN SELECT t.* FROM _archive.migrated_tables AS t ORDER BY t.table_name LOOP
        EXECUTE format(
            'CREATE TRIGGER setu_note_deleted AFTER DELETE OR TRUNCATE ON %I.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION _archive.note_deleted()',
            v_migrated.schema_name, v_migrated.table_name
        );
        FOREACH v_trigger IN ARRAY ARRAY['setu_note_inserted', 'setu_note_updated', 'setu_note_deleted'] LOOP
            EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER %I',
                v_migrated.schema_name, v_migrated.table_name, v_trigger);
        END LOOP;
    END LOOP;
END
$triggers$;

-- Tables of which the notes cannot be whole, since somebody took a trigger away or switched it off.
-- Master is compared whole at least once, whatever the notes say.
CREATE FUNCTION _archive.unnoted_tables() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT t.table_name
    FROM _archive.migrated_tables AS t
    WHERE (
        SELECT count(*) FROM pg_trigger AS g
        WHERE g.tgrelid = to_regclass(format('%I.%I', t.schema_name, t.table_name))
            AND g.tgname IN ('setu_note_inserted', 'setu_note_updated', 'setu_note_deleted')
            AND g.tgenabled = 'A'
    ) < 3
$function$;
REVOKE ALL ON FUNCTION _archive.unnoted_tables() FROM PUBLIC;
