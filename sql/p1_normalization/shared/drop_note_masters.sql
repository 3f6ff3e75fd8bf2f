DO $triggers$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN
        SELECT t.tgrelid FROM pg_trigger AS t
        WHERE t.tgname = 'setu_note_master'
            AND t.tgfoid = '_stage.fn_note_master()'::regprocedure
    LOOP
        EXECUTE format('DROP TRIGGER setu_note_master ON %s', v_table);
    END LOOP;
END
$triggers$;
DROP FUNCTION _stage.fn_note_master();
DROP TABLE _stage.noted_masters;
