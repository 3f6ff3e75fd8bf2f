-- New: the other half of fn_keep_column.
CREATE FUNCTION _etl.fn_restore_column(p_table regclass, p_column name, VARIADIC p_key name[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Kept values go into compressed chunks, too.
SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0
AS $function$
DECLARE
    v_name text;
    v_type text;
    v_key text := (
        SELECT string_agg(format('t.%I = k.%1$I', k.name), ' AND ') FROM unnest(p_key) AS k (name)
    );
    v_rows bigint := 0;
BEGIN
    SELECT
        concat_ws('_', 'kept', n.nspname, c.relname, a.attname),
        format_type(a.atttypid, a.atttypmod)
    INTO STRICT v_name, v_type
    FROM pg_attribute AS a
    INNER JOIN pg_class AS c ON c.oid = a.attrelid
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE a.attrelid = p_table AND a.attname = p_column AND NOT a.attisdropped;
    -- The name that fn_keep_column gives.
    v_name := CASE WHEN octet_length(v_name) > 63 THEN 'kept_' || md5(v_name) ELSE v_name END;
    IF to_regclass(format('_archive.%I', v_name)) IS NOT NULL THEN
        EXECUTE format('ANALYZE _archive.%I', v_name);
        EXECUTE format(
            'UPDATE %s AS t SET %I = k.%2$I::%s FROM _archive.%I AS k WHERE %s',
            p_table, p_column, v_type, v_name, v_key
        );
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        EXECUTE format('DROP TABLE _archive.%I', v_name);
    END IF;
    RETURN v_rows;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_restore_column(regclass, name, name[]) FROM PUBLIC;

COMMENT ON FUNCTION _etl.fn_restore_column(regclass, name, name[]) IS
    'Writes back what fn_keep_column kept, if anything, into a column that was just added again';
