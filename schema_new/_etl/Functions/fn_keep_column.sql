-- New: a revision that drops a column keeps its values, so that the opposite direction can restore
-- them.
CREATE FUNCTION _etl.fn_keep_column(p_table regclass, p_column name, VARIADIC p_key name[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_name text;
    v_key text := (SELECT string_agg(format('t.%I', k.name), ', ') FROM unnest(p_key) AS k (name));
    v_value text;
    v_filled boolean;
    v_rows_to_keep text;
    v_rows bigint;
BEGIN
    SELECT
        concat_ws('_', 'kept', tn.nspname, c.relname, a.attname),
        -- Text needs no type of its own, which the revision may drop with the column.
        format('t.%I', a.attname) || CASE WHEN yn.nspname = 'pg_catalog' THEN '' ELSE '::text' END,
        a.atthasdef
    INTO STRICT v_name, v_value, v_filled
    FROM pg_attribute AS a
    INNER JOIN pg_class AS c ON c.oid = a.attrelid
    INNER JOIN pg_namespace AS tn ON tn.oid = c.relnamespace
    INNER JOIN pg_type AS y ON y.oid = a.atttypid
    INNER JOIN pg_namespace AS yn ON yn.oid = y.typnamespace
    WHERE a.attrelid = p_table AND a.attname = p_column AND NOT a.attisdropped;
    -- PostgreSQL would cut a longer name, so that two columns could share it.
    v_name := CASE WHEN octet_length(v_name) > 63 THEN 'kept_' || md5(v_name) ELSE v_name END;
    EXECUTE format('DROP TABLE IF EXISTS _archive.%I', v_name);
    v_rows_to_keep := format(
        -- Where a default fills the column again, null is a value to keep.
        'SELECT %s, %s AS %I FROM %s AS t WHERE %L OR t.%3$I IS NOT NULL',
        v_key, v_value, p_column, p_table, v_filled
    );
    -- CREATE TABLE AS over compressed chunks can write other text than the column store holds, or
    -- end the server (TimescaleDB #10585).
    EXECUTE format('CREATE TABLE _archive.%I AS %s WITH NO DATA', v_name, v_rows_to_keep);
    EXECUTE format('INSERT INTO _archive.%I %s', v_name, v_rows_to_keep);
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_keep_column(regclass, name, name[]) FROM PUBLIC;

COMMENT ON FUNCTION _etl.fn_keep_column(regclass, name, name[]) IS
    'Copies a column''s values into _archive, by the table''s key, before a revision drops the '
    'column';
