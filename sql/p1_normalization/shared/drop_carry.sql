DO $triggers$
DECLARE
    v_carried record;
BEGIN
    FOR v_carried IN SELECT c.* FROM _archive.carried_tables AS c ORDER BY c.table_name LOOP
        EXECUTE format('DROP TRIGGER setu_carry ON %I.%I', v_carried.schema_name, v_carried.table_name);
        EXECUTE format('DROP FUNCTION _stage.%I()', 'fn_carry_' || v_carried.table_name);
        EXECUTE format('DROP FUNCTION _stage.as_v2(%I.%I)', v_carried.schema_name, v_carried.table_name);
    END LOOP;
END
$triggers$;
DROP FUNCTION _stage.carry_set_aside();
DROP FUNCTION _stage.carry(text, timestamptz, timestamptz, timestamptz);
DROP FUNCTION _stage.keys_of(text, text, text, timestamptz);
DROP TABLE _stage.carry_failures;
DROP TABLE _stage.backfill_progress;
