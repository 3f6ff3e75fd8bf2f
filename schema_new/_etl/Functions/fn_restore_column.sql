-- New: the other half of fn_keep_column.
CREATE FUNCTION _etl.fn_restore_column(p_table regclass, p_column name, VARIADIC p_key name[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Kept values go into compressed chunks, too.
SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0
AS $function$
DECLARE
    v_kept text := format(
        '_archive.%I',
        'kept_' || (SELECT c.relname FROM pg_class AS c WHERE c.oid = p_table) || '_' || p_column
    );
    v_key text := (
        SELECT string_agg(format('t.%I = k.%1$I', k.name), ' AND ') FROM unnest(p_key) AS k (name)
    );
    v_rows bigint := 0;
BEGIN
    IF to_regclass(v_kept) IS NOT NULL THEN
        EXECUTE format('ANALYZE %s', v_kept);
        EXECUTE format(
            'UPDATE %s AS t SET %I = k.%2$I FROM %s AS k WHERE %s',
            p_table, p_column, v_kept, v_key
        );
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        EXECUTE format('DROP TABLE %s', v_kept);
    END IF;
    RETURN v_rows;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_restore_column(regclass, name, name[]) FROM PUBLIC;

COMMENT ON FUNCTION _etl.fn_restore_column(regclass, name, name[]) IS
    'Writes back what fn_keep_column kept, if anything, into a column that was just added again';
