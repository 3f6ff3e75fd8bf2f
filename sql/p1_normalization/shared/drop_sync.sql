DO $triggers$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN
        SELECT t.tgrelid FROM pg_trigger AS t
        WHERE t.tgname = 'setu_sync' AND t.tgfoid = '_stage.fn_sync_master()'::regprocedure
    LOOP
        EXECUTE format('DROP TRIGGER setu_sync ON %s', v_table);
    END LOOP;
END
$triggers$;
DROP FUNCTION _stage.fn_sync_master();
DROP FUNCTION _stage.sync_master();
