DO $notes$
DECLARE
    v_trigger record;
    v_function regprocedure;
BEGIN
    FOR v_trigger IN
        SELECT g.tgname, g.tgrelid::regclass AS table_name
        FROM pg_trigger AS g
        INNER JOIN pg_proc AS p ON p.oid = g.tgfoid
        WHERE p.pronamespace = '_archive'::regnamespace AND g.tgname LIKE 'setu\_note\_%'
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', v_trigger.tgname, v_trigger.table_name);
    END LOOP;
    FOR v_function IN
        SELECT p.oid::regprocedure
        FROM pg_proc AS p
        WHERE p.pronamespace = '_archive'::regnamespace
            AND (p.proname LIKE 'note\_inserted\_%' OR p.proname LIKE 'note\_updated\_%')
    LOOP
        EXECUTE format('DROP FUNCTION %s', v_function);
    END LOOP;
END
$notes$;
DROP FUNCTION _archive.complete_notes();
DROP FUNCTION _archive.note_changes_of(text);
DROP FUNCTION _archive.note_master_change();
DROP FUNCTION _archive.note_deleted();
DROP TABLE _archive.to_compare;
DROP TABLE _archive.change_notes;
DROP TABLE _archive.swapped;
