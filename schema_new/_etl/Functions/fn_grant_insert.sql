-- New: TimescaleDB hands a grant on a column down to the internal table of the column store, which
-- does not have the column, and fails. The owner may add it there for as long as the grant takes.
CREATE FUNCTION _etl.fn_grant_insert(p_table regclass, p_column name, VARIADIC p_roles name[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_type text;
    v_internal text := (
        SELECT format('%I.%I', i.schema_name, i.table_name)
        FROM _timescaledb_catalog.hypertable AS h
        INNER JOIN _timescaledb_catalog.hypertable AS i ON i.id = h.compressed_hypertable_id
        INNER JOIN pg_class AS c ON c.relname = h.table_name
        INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = h.schema_name
        WHERE c.oid = p_table
    );
BEGIN
    SELECT format_type(a.atttypid, a.atttypmod) INTO STRICT v_type
    FROM pg_attribute AS a
    WHERE a.attrelid = p_table AND a.attname = p_column AND NOT a.attisdropped;
    IF v_internal IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', v_internal, p_column, v_type);
    END IF;
    EXECUTE format(
        'GRANT INSERT (%I) ON %s TO %s',
        p_column, p_table, (
            SELECT string_agg(format('%I', r.name), ', ') FROM unnest(p_roles) AS r (name)
        )
    );
    IF v_internal IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s DROP COLUMN %I', v_internal, p_column);
    END IF;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_grant_insert(regclass, name, name[]) FROM PUBLIC;

COMMENT ON FUNCTION _etl.fn_grant_insert(regclass, name, name[]) IS
    'Grants INSERT on a column of a bronze table to roles, also where the table has a column store';
