-- Makes and drops the triggers on v1's tables, one table at a time: a transaction of v1 waits for
-- one lock and never for a session that holds another. A trigger of a statement stands on the
-- hypertable alone, so no chunk is locked.
CREATE FUNCTION _stage.is_watched(p_table regclass) RETURNS boolean
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT EXISTS (
        SELECT 1 FROM pg_trigger AS t WHERE t.tgrelid = p_table AND t.tgname LIKE 'setu\_note\_%'
    )
$function$;

CREATE FUNCTION _stage.watched_tables() RETURNS SETOF regclass
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    -- v2 has no place for health settings: they are archived as they are.
    SELECT t.name::regclass
    FROM unnest(_archive.v1_tables()) WITH ORDINALITY AS t (name, place)
    WHERE t.name <> 'master.machine_health_settings'
    ORDER BY t.place
$function$;

CREATE FUNCTION _stage.watch(p_table regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_time text;
BEGIN
    EXECUTE format('LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE', p_table);
    SELECT t.v1_time INTO v_time FROM _archive.migrated_tables AS t
    WHERE format('%I.%I', t.schema_name, t.table_name)::regclass = p_table;
    IF v_time IS NULL THEN
        EXECUTE format(
            'CREATE TRIGGER setu_note_master AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
            'FOR EACH STATEMENT EXECUTE FUNCTION _stage.fn_note_master()', p_table
        );
    ELSE
        EXECUTE format(
            'CREATE TRIGGER setu_note_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION _stage.%I()', p_table, 'fn_note_insert_' || v_time
        );
        EXECUTE format(
            'CREATE TRIGGER setu_note_update AFTER UPDATE ON %s '
            'REFERENCING OLD TABLE AS former NEW TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION _stage.%I()', p_table, 'fn_note_update_' || v_time
        );
        EXECUTE format(
            'CREATE TRIGGER setu_note_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION _stage.%I()', p_table, 'fn_note_delete_' || v_time
        );
        EXECUTE format(
            'CREATE TRIGGER setu_note_truncate AFTER TRUNCATE ON %s '
            'FOR EACH STATEMENT EXECUTE FUNCTION _stage.fn_note_truncate()', p_table
        );
    END IF;
    PERFORM _archive.fire_for_replicas(p_table, t.tgname)
    FROM pg_trigger AS t WHERE t.tgrelid = p_table AND t.tgname LIKE 'setu\_note\_%';
END
$function$;
COMMENT ON FUNCTION _stage.watch(regclass) IS 'Lets a table of v1 note what changes in it';

CREATE FUNCTION _stage.unwatch(p_table regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_name text;
BEGIN
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', p_table);
    FOR v_name IN
        SELECT t.tgname FROM pg_trigger AS t
        WHERE t.tgrelid = p_table AND t.tgname LIKE 'setu\_note\_%'
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', v_name, p_table);
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _stage.unwatch(regclass) IS
    'Drops the triggers that note changes of a table of v1';

-- A table that is in use is left for the next call: the step is tried again, and sees who uses it.
CREATE PROCEDURE _stage.watch_v1(p_watch boolean)
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_table regclass;
    v_in_use text[];
BEGIN
    FOR v_table IN SELECT w.name FROM _stage.watched_tables() AS w (name) LOOP
        CONTINUE WHEN _stage.is_watched(v_table) = p_watch;
        BEGIN
            IF p_watch THEN
                PERFORM _stage.watch(v_table);
            ELSE
                PERFORM _stage.unwatch(v_table);
            END IF;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            v_in_use := v_in_use || v_table::text;
        END;
        COMMIT;
    END LOOP;
    IF v_in_use IS NOT NULL THEN
        RAISE EXCEPTION 'other sessions use %', array_to_string(v_in_use, ', ')
            USING ERRCODE = 'lock_not_available';
    END IF;
    IF p_watch THEN
        -- Changes of master since it was copied.
        INSERT INTO _stage.noted_masters (table_name) VALUES ('machine_info');
    END IF;
END
$procedure$;
COMMENT ON PROCEDURE _stage.watch_v1(boolean) IS
    'Lets v1''s tables note what changes, or no longer';

REVOKE ALL ON FUNCTION _stage.is_watched(regclass) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.watched_tables() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.watch(regclass) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.unwatch(regclass) FROM PUBLIC;
REVOKE ALL ON PROCEDURE _stage.watch_v1(boolean) FROM PUBLIC;
