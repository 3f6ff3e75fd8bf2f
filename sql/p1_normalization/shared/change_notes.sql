-- From the swap on, changes in v2 are noted, so that the way back reads only these rows. A note is
-- coarse: an hour, and its machines, or all of them where they are many. The changing statement
-- writes it, and no session waits because of it.
CREATE TABLE _archive.change_notes (
    table_name text NOT NULL,
    hour timestamptz,
    machines integer[],
    rows bigint NOT NULL,
    replaced boolean NOT NULL,
    migrated_at timestamptz,
    is_seen boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE _archive.change_notes IS
    'Hours and machines in which v2 changed since the swap; migrated_at: the way back has '
    'processed it';
COMMENT ON COLUMN _archive.change_notes.table_name IS
    'Of a hypertable; master: any of the other tables';
COMMENT ON COLUMN _archive.change_notes.hour IS
    'Null: rows were deleted, and any hour may be concerned';
COMMENT ON COLUMN _archive.change_notes.machines IS 'Null: any machine';
COMMENT ON COLUMN _archive.change_notes.replaced IS
    'Rows were changed or deleted: what the way back made of them before may be out of date';
COMMENT ON COLUMN _archive.change_notes.is_seen IS 'The way back has processed it at least once';
CREATE INDEX change_notes_open_idx ON _archive.change_notes (table_name, hour)
WHERE migrated_at IS NULL;
CREATE INDEX change_notes_seen_idx ON _archive.change_notes (table_name, hour) WHERE is_seen;

CREATE TABLE _archive.swapped (swapped_at timestamptz NOT NULL);
COMMENT ON TABLE _archive.swapped IS 'When v2 went live: rows created later arrived under v2';
INSERT INTO _archive.swapped (swapped_at) VALUES (clock_timestamp());

CREATE TABLE _archive.to_compare (table_name text NOT NULL);
COMMENT ON TABLE _archive.to_compare IS
    'Tables whose notes are incomplete: the way back compares all of their rows';

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

-- Statement triggers with transition tables: one call a statement, whatever its rows, also for COPY
-- and for rows of the column store; TimescaleDB has no transition table for DELETE. Retention drops
-- chunks, which no trigger sees, and leaves no note. ALWAYS: session_replication_role does not
-- switch them off.
CREATE FUNCTION _archive.note_changes_of(p_table text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_migrated _archive.migrated_tables;
    v_table text;
    v_trigger record;
    v_event record;
BEGIN
    SELECT t.*
    INTO STRICT v_migrated FROM _archive.migrated_tables AS t WHERE t.table_name = p_table;
    v_table := format('%I.%I', v_migrated.schema_name, p_table);
    FOR v_trigger IN
        SELECT t.tgname AS name FROM pg_trigger AS t
        WHERE t.tgrelid = v_table::regclass
            AND t.tgname IN ('setu_note_inserted', 'setu_note_updated', 'setu_note_deleted')
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', v_trigger.name, v_table);
    END LOOP;
    FOR v_event IN
        SELECT e.event, e.event_name, e.transition, e.source
        FROM (VALUES
            ('INSERT', 'inserted', 'NEW TABLE AS changed', 'changed'),
            -- Also the former place of a row: its time or its machine may have changed.
            ('UPDATE', 'updated', 'OLD TABLE AS before NEW TABLE AS changed',
                '(TABLE changed UNION ALL TABLE before)')
        ) AS e (event, event_name, transition, source)
    LOOP
        EXECUTE format(
            $create$
                CREATE OR REPLACE FUNCTION _archive.%1$I() RETURNS trigger
                LANGUAGE plpgsql VOLATILE SECURITY DEFINER
                SET search_path = pg_catalog, pg_temp
                SET jit = off
                AS $note$
                BEGIN
                    INSERT INTO _archive.change_notes (table_name, hour, machines, rows, replaced)
                    SELECT %2$L, g.hour,
                        CASE WHEN count(*) <= 1000 THEN array_agg(g.machine_iot_id) END,
                        sum(g.rows), %3$L
                    FROM (
                        SELECT
                            date_bin(
                                INTERVAL '1 hour', c.%4$I, TIMESTAMPTZ '2000-01-01 00:00+00'
                            ) AS hour,
                            c.machine_iot_id,
                            count(*) AS rows
                        FROM %5$s AS c
                        GROUP BY 1, 2
                    ) AS g
                    GROUP BY g.hour;
                    RETURN NULL;
                END
                $note$
            $create$,
            format('note_%s_%s', v_event.event_name, p_table), p_table, v_event.event = 'UPDATE',
            v_migrated.v2_time, v_event.source
        );
        EXECUTE format('REVOKE ALL ON FUNCTION _archive.%I() FROM PUBLIC',
            format('note_%s_%s', v_event.event_name, p_table));
        EXECUTE format(
            'CREATE TRIGGER %I AFTER %s ON %s REFERENCING %s FOR EACH STATEMENT '
            'EXECUTE FUNCTION _archive.%I()',
            'setu_note_' || v_event.event_name, v_event.event, v_table, v_event.transition,
            format('note_%s_%s', v_event.event_name, p_table)
        );
        PERFORM _archive.fire_for_replicas(v_table::regclass, 'setu_note_' || v_event.event_name);
    END LOOP;
    EXECUTE format(
        'CREATE TRIGGER setu_note_deleted AFTER DELETE OR TRUNCATE ON %s FOR EACH STATEMENT '
        'EXECUTE FUNCTION _archive.note_deleted()', v_table
    );
    PERFORM _archive.fire_for_replicas(v_table::regclass, 'setu_note_deleted');
END
$function$;
COMMENT ON FUNCTION _archive.note_changes_of(text) IS
    'Makes the triggers that note what changes in a table';
REVOKE ALL ON FUNCTION _archive.note_changes_of(text) FROM PUBLIC;

-- Where a trigger was dropped or disabled, notes begin again, and all rows are compared.
CREATE FUNCTION _archive.complete_notes() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN
        SELECT t.table_name
        FROM _archive.migrated_tables AS t
        WHERE (
            SELECT count(*) FROM pg_trigger AS g
            WHERE g.tgrelid = to_regclass(format('%I.%I', t.schema_name, t.table_name))
                AND g.tgname IN ('setu_note_inserted', 'setu_note_updated', 'setu_note_deleted')
                AND g.tgenabled IN ('A', 'O')
        ) < 3
    LOOP
        RAISE NOTICE 'the triggers that note changes of % are not all on: all of its rows are '
                     'compared',
            v_table;
        PERFORM _archive.note_changes_of(v_table);
        INSERT INTO _archive.to_compare (table_name) VALUES (v_table);
        INSERT INTO _archive.change_notes (table_name, rows, replaced) VALUES (v_table, 0, true);
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _archive.complete_notes() IS
    'Makes triggers that note changes where they are missing';
REVOKE ALL ON FUNCTION _archive.complete_notes() FROM PUBLIC;

SELECT _archive.note_changes_of(t.table_name) FROM _archive.migrated_tables AS t;

DO $masters$
DECLARE
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
        PERFORM _archive.fire_for_replicas(v_table, 'setu_note_change');
    END LOOP;
END
$masters$;
