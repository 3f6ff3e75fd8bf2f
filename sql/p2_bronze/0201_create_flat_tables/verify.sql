-- what: the ten flat tables exist, and none of their columns holds JSON
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(t.name, ', ') INTO v_wrong
    FROM unnest(ARRAY[
        'bronze.raw_machine_cycles',
        'bronze.raw_machine_downtime',
        'bronze.raw_machine_status',
        'bronze.raw_machine_alarms',
        'bronze.raw_machine_energy',
        'bronze.raw_machine_focas',
        'bronze.raw_machine_focas_program_production',
        'bronze.raw_machine_tool_usage',
        'bronze.raw_machine_pm_status',
        'bronze.raw_machine_am_status'
    ]) AS t (name)
    WHERE to_regclass(t.name) IS NULL;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'flat bronze tables are missing' USING DETAIL = v_wrong;
    END IF;
    SELECT string_agg(
        format('%s.%s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod)), ', '
    )
    INTO v_wrong
    FROM pg_class AS c
    INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'bronze'::regnamespace AND c.relkind = 'r'
        AND c.relname LIKE 'raw_machine%'
        AND a.atttypid NOT IN (
            'bigint'::regtype, 'integer'::regtype, 'text'::regtype, 'timestamptz'::regtype,
            'double precision'::regtype
        );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'flat bronze tables have columns of types that no source sends'
            USING DETAIL = v_wrong;
    END IF;
END
$verify$;
