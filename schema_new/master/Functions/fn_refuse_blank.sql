-- New: an id that cannot be seen cannot be found again.
CREATE FUNCTION master.fn_refuse_blank(p_what text, p_id text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF p_id IS NULL OR p_id = '' OR p_id <> btrim(p_id) OR p_id ~ '[[:cntrl:]]' THEN
        RAISE EXCEPTION 'cannot register a % with the id %',
            p_what, coalesce(quote_literal(p_id), 'null')
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Give an id without spaces around it or line breaks in it';
    END IF;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_refuse_blank(text, text) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_refuse_blank(text, text) IS
    'Raises where an id is null, empty, has spaces around it or control characters in it';
