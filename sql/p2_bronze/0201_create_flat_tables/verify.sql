-- what: the flat table is there, its arrival time is set by the server, and no column holds JSON
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    IF to_regclass('bronze.raw_machine_cycles') IS NULL THEN
        RAISE EXCEPTION 'bronze.raw_machine_cycles is missing';
    END IF;
    SELECT string_agg(format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ')
    INTO v_wrong
    FROM pg_attribute AS a
    WHERE a.attrelid = 'bronze.raw_machine_cycles'::regclass AND a.attnum > 0 AND NOT a.attisdropped
        AND a.atttypid NOT IN (
            'bigint'::regtype, 'integer'::regtype, 'text'::regtype, 'timestamptz'::regtype,
            'double precision'::regtype
        );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'bronze.raw_machine_cycles has columns of types that no source sends'
            USING DETAIL = v_wrong;
    END IF;
END
$verify$;
