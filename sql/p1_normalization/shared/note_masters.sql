-- v1's master, rule and alert tables note that they changed, once a statement. A note is a row in a
-- table without key, constraint or index: no session can wait for it, and it cannot fail.
CREATE TABLE _stage.noted_masters (table_name text);
COMMENT ON TABLE _stage.noted_masters IS
    'One row per statement that changed a master, rule or alert table of v1; taken by '
    'migrate_noted';

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
