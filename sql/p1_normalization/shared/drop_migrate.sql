DO $triggers$
DECLARE
    v_migrated record;
BEGIN
    FOR v_migrated IN SELECT c.* FROM _archive.migrated_tables AS c ORDER BY c.table_name LOOP
        EXECUTE format('DROP TRIGGER setu_migrate ON %I.%I', v_migrated.schema_name, v_migrated.table_name);
        EXECUTE format('DROP FUNCTION _stage.%I()', 'fn_migrate_' || v_migrated.table_name);
        EXECUTE format('DROP FUNCTION _stage.to_v2(%I.%I)', v_migrated.schema_name, v_migrated.table_name);
    END LOOP;
END
$triggers$;
DROP FUNCTION _stage.migrate_quarantined();
DROP FUNCTION _stage.migrate(text, timestamptz, timestamptz, timestamptz);
DROP FUNCTION _stage.keys_of(text, text, text, timestamptz);
DROP TABLE _stage.migrate_failures;
DROP TABLE _stage.backfill_progress;
