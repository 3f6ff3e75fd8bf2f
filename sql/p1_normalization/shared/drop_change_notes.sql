DO $notes$
DECLARE
    v_trigger record;
    v_migrated record;
BEGIN
    FOR v_trigger IN
        SELECT g.tgname, g.tgrelid::regclass AS table_name
        FROM pg_trigger AS g
        INNER JOIN pg_proc AS p ON p.oid = g.tgfoid AND p.pronamespace = '_archive'::regnamespace
        WHERE g.tgname LIKE 'setu\_note\_%' AND g.tgparentid = 0
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', v_trigger.tgname, v_trigger.table_name);
    END LOOP;
    FOR v_migrated IN SELECT t.table_name FROM _archive.migrated_tables AS t LOOP
        EXECUTE format('DROP FUNCTION _archive.%I()', 'note_inserted_' || v_migrated.table_name);
        EXECUTE format('DROP FUNCTION _archive.%I()', 'note_updated_' || v_migrated.table_name);
    END LOOP;
END
$notes$;
DROP FUNCTION _archive.note_master_change();
DROP FUNCTION _archive.note_deleted();
DROP FUNCTION _archive.unnoted_tables();
DROP TABLE _archive.change_notes;
DROP TABLE _archive.swapped;
