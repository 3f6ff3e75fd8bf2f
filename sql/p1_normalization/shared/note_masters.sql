-- v1's master, rule and alert tables note that they changed, once a statement. A note is a row in a
-- table without key, constraint or index: nobody can wait for it, and nothing in it can fail.
CREATE TABLE _stage.noted_masters (table_name text);
COMMENT ON TABLE _stage.noted_masters IS
    'One row per statement that changed a master, rule or alert table of v1; taken by migrate_noted';

CREATE FUNCTION _stage.fn_note_master() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_masters (table_name) VALUES (TG_TABLE_NAME);
    RETURN NULL;
END
$function$;
REVOKE ALL ON FUNCTION _stage.fn_note_master() FROM PUBLIC;

-- Writers of v1 wait for no longer than this takes, and only until the commit.
SELECT _archive.lock_within('SHARE ROW EXCLUSIVE', ARRAY[
    'master.machine_assets', 'master.production_targets', 'config.alert_subscriptions',
    'alerting.active_alerts', 'config.alert_rules', 'master.machine_info', 'master.shifts',
    'master.downtime_codes', 'master.users', 'master.plants', 'master.companies'
]::regclass[], _archive.lock_deadline());

DO $triggers$
DECLARE
    v_table regclass;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'master.companies', 'master.plants', 'master.machine_info', 'master.shifts',
        'master.downtime_codes', 'master.users', 'master.machine_assets',
        'master.production_targets', 'config.alert_rules', 'config.alert_subscriptions',
        'alerting.active_alerts'
    ]::regclass[] LOOP
        EXECUTE format(
            'CREATE TRIGGER setu_note_master AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
            'FOR EACH STATEMENT EXECUTE FUNCTION _stage.fn_note_master()', v_table
        );
        -- Also in a session that plays a replica.
        PERFORM _archive.fire_for_replicas(v_table, 'setu_note_master');
    END LOOP;
END
$triggers$;

-- What changed between the copy and these triggers is worked off with the first notes.
INSERT INTO _stage.noted_masters (table_name) VALUES ('machine_info');
