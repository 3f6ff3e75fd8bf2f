-- New: a hint that is a command is copied into a shell, which would take a name with a space in it
-- for two, and one with a semicolon for two commands.
CREATE FUNCTION master.fn_as_word(p_value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
SELECT CASE
    WHEN p_value ~ '^[A-Za-z0-9_@%+=:,./-]+$' THEN p_value
    ELSE '''' || replace(p_value, '''', '''"''"''') || ''''
END
$function$;

REVOKE ALL ON FUNCTION master.fn_as_word(text) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_as_word(text) IS
    'The value as one word of a command line, quoted where a shell needs it';
