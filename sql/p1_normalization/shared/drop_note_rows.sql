DO $triggers$
DECLARE
    v_table record;
BEGIN
    FOR v_table IN
        SELECT format('%I.%I', t.schema_name, t.table_name)::regclass AS name
        FROM _archive.migrated_tables AS t ORDER BY t.table_name
    LOOP
        EXECUTE format('DROP TRIGGER setu_note_insert ON %s', v_table.name);
        EXECUTE format('DROP TRIGGER setu_note_update ON %s', v_table.name);
        EXECUTE format('DROP TRIGGER setu_note_delete ON %s', v_table.name);
        EXECUTE format('DROP TRIGGER setu_note_truncate ON %s', v_table.name);
    END LOOP;
END
$triggers$;
DROP FUNCTION _stage.fn_note_truncate();
DROP FUNCTION _stage.fn_note_downtime_updates();
DROP FUNCTION _stage.fn_note_downtimes();
DROP FUNCTION _stage.fn_note_cycle_updates();
DROP FUNCTION _stage.fn_note_cycles();
DROP FUNCTION _stage.fn_note_updates();
DROP FUNCTION _stage.fn_note_rows();
DROP TABLE _stage.noted_rows;
