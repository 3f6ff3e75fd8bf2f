-- lint: allow-file qualified: transition tables have no schema
-- v1's silver and alert history note which rows changed, once a statement and set-based. A note is a row
-- in a table without key, constraint or index: nobody can wait for it, and nothing in it can fail.
-- migrate_noted works the notes off: it asks v1 what stands there now.
CREATE TABLE _stage.noted_rows (
    table_name text,
    company_id text,
    machine_id text,
    at timestamptz,
    inserted boolean
);
COMMENT ON TABLE _stage.noted_rows IS
    'Machine and time of v1 rows that changed; at is null where the table was truncated';

CREATE FUNCTION _stage.fn_note_rows() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.time, TG_OP = 'INSERT' FROM changed AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_updates() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.time, false FROM changed AS c
    UNION
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.time, false FROM former AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_cycles() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.cycle_start, TG_OP = 'INSERT'
    FROM changed AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_cycle_updates() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.cycle_start, false FROM changed AS c
    UNION
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.cycle_start, false FROM former AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_downtimes() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.down_start, TG_OP = 'INSERT'
    FROM changed AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_downtime_updates() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.down_start, false FROM changed AS c
    UNION
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.down_start, false FROM former AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_truncate() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, inserted) VALUES (TG_TABLE_NAME, false);
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION _stage.fn_note_rows() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_updates() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_cycles() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_cycle_updates() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_downtimes() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_downtime_updates() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_truncate() FROM PUBLIC;

-- Writers of v1 wait for no longer than this takes, and only until the commit. Triggers of a statement
-- stand on the hypertable alone, so no chunk is locked.
SELECT _archive.lock_within('SHARE ROW EXCLUSIVE', ARRAY[
    'silver.machine_status', 'silver.machine_cycles', 'silver.machine_downtime',
    'silver.machine_alarms', 'silver.machine_energy', 'silver.machine_focas',
    'silver.machine_tool_usage', 'silver.machine_pm_status', 'silver.customer_feedback',
    'alerting.history'
]::regclass[], _archive.lock_deadline());

DO $triggers$
DECLARE
    v_table record;
BEGIN
    FOR v_table IN
        SELECT format('%I.%I', t.schema_name, t.table_name)::regclass AS name,
            CASE t.v1_time
                WHEN 'cycle_start' THEN 'cycles' WHEN 'down_start' THEN 'downtimes' ELSE 'rows'
            END AS rows,
            CASE t.v1_time
                WHEN 'cycle_start' THEN 'cycle_updates' WHEN 'down_start' THEN 'downtime_updates'
                ELSE 'updates'
            END AS updates
        FROM _archive.migrated_tables AS t
        ORDER BY t.table_name
    LOOP
        EXECUTE format(
            'CREATE TRIGGER setu_note_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION _stage.fn_note_%s()', v_table.name, v_table.rows
        );
        EXECUTE format(
            'CREATE TRIGGER setu_note_update AFTER UPDATE ON %s '
            'REFERENCING OLD TABLE AS former NEW TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION _stage.fn_note_%s()', v_table.name, v_table.updates
        );
        EXECUTE format(
            'CREATE TRIGGER setu_note_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION _stage.fn_note_%s()', v_table.name, v_table.rows
        );
        EXECUTE format(
            'CREATE TRIGGER setu_note_truncate AFTER TRUNCATE ON %s '
            'FOR EACH STATEMENT EXECUTE FUNCTION _stage.fn_note_truncate()', v_table.name
        );
        PERFORM _archive.fire_for_replicas(v_table.name, g.name)
        FROM unnest(ARRAY[
            'setu_note_insert', 'setu_note_update', 'setu_note_delete', 'setu_note_truncate'
        ]) AS g (name);
    END LOOP;
END
$triggers$;
