DROP FUNCTION _archive.return_rows(text);
DO $functions$
DECLARE
    v_function regprocedure;
BEGIN
    -- They went by a row type that is gone from bronze, but not from the archive.
    FOR v_function IN
        SELECT p.oid::regprocedure FROM pg_proc AS p
        WHERE p.pronamespace = '_archive'::regnamespace AND p.proname = 'as_element'
    LOOP
        EXECUTE format('DROP FUNCTION %s', v_function);
    END LOOP;
END
$functions$;
DROP FUNCTION _archive.last_loaded_id(text);
