-- New: how much of its range each sequence has used. `setu status` needs it, and a reader may not
-- read sequences.
CREATE FUNCTION _etl.fn_sequence_use()
RETURNS TABLE (sequence_name text, used numeric)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT format('%I.%I', n.nspname, c.relname),
        (pg_sequence_last_value(c.oid) - s.seqmin)::numeric / (s.seqmax - s.seqmin)
    FROM pg_sequence AS s
    INNER JOIN pg_class AS c ON c.oid = s.seqrelid
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('master', 'bronze', 'silver', 'config', 'alerting', '_etl')
        AND s.seqmax > s.seqmin
$function$;

REVOKE ALL ON FUNCTION _etl.fn_sequence_use() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_sequence_use() TO setu_etl, setu_reader;

COMMENT ON FUNCTION _etl.fn_sequence_use() IS
    'The used part of each sequence''s range, from 0 to 1; null when it was never drawn from';
