-- New: a revision that drops a column keeps its values, so that the opposite direction can restore
-- them.
CREATE FUNCTION _etl.fn_keep_column(p_table regclass, p_column name, VARIADIC p_key name[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_kept text := format(
        '_archive.%I',
        'kept_' || (SELECT c.relname FROM pg_class AS c WHERE c.oid = p_table) || '_' || p_column
    );
    v_key text := (SELECT string_agg(format('t.%I', k.name), ', ') FROM unnest(p_key) AS k (name));
    v_rows bigint;
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %s', v_kept);
    EXECUTE format(
        'CREATE TABLE %s AS SELECT %s, t.%I FROM %s AS t WHERE t.%3$I IS NOT NULL',
        v_kept, v_key, p_column, p_table
    );
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_keep_column(regclass, name, name[]) FROM PUBLIC;

COMMENT ON FUNCTION _etl.fn_keep_column(regclass, name, name[]) IS
    'Copies a column''s values into _archive, by the table''s key, before a revision drops the '
    'column';
