-- New: the transactions that have drawn from a sequence and not ended; also prepared ones, which
-- have no process. This session's own rows are visible to it and need no fence.
CREATE FUNCTION _etl.fn_sequence_holders(p_sequence regclass) RETURNS text[]
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT coalesce(array_agg(DISTINCT l.virtualtransaction), '{}')
    FROM pg_locks AS l
    WHERE l.locktype = 'relation'
        AND l.relation = p_sequence
        AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
        AND l.mode = 'RowExclusiveLock'
        AND l.granted
        -- The embedded server's only process has id 0, which pg_locks shows as null.
        AND l.pid IS DISTINCT FROM nullif(pg_backend_pid(), 0)
$function$;

REVOKE ALL ON FUNCTION _etl.fn_sequence_holders(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_sequence_holders(regclass) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_sequence_holders(regclass) IS
    'Virtual transactions, other than this session''s, that hold the writer''s lock on a sequence';
