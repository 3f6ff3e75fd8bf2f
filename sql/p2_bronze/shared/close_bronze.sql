-- Flat tables that are not hypertables refuse rows: a row would have no id, or no load would find
-- it. A sink that goes on writing gets an error.
CREATE FUNCTION bronze.fn_refuse_rows() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    RAISE EXCEPTION 'cannot insert into %.% because this database is on its way between v1 and v2',
        TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Keep the rows and send them again: here after the upgrade, to '
                   'bronze.raw_telemetry after a downgrade';
END
$function$;
REVOKE ALL ON FUNCTION bronze.fn_refuse_rows() FROM PUBLIC;
COMMENT ON FUNCTION bronze.fn_refuse_rows() IS
    'Refuses rows while a table is between plain table and hypertable';

DO $close$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN SELECT f.table_name FROM _archive.flat_tables AS f ORDER BY f.table_name LOOP
        EXECUTE format(
            'CREATE TRIGGER setu_refuse_rows BEFORE INSERT ON bronze.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION bronze.fn_refuse_rows()', v_table
        );
    END LOOP;
END
$close$;
