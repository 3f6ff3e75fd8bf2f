-- what: the roles exist and have the rights that they need, and no others
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    IF (SELECT count(*) FROM pg_roles AS r
        WHERE r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader', 'setu_admin')) < 4
    THEN
        RAISE EXCEPTION 'a role of setu is missing';
    END IF;
    SELECT string_agg(w.what, ', ')
    INTO v_wrong
    FROM (VALUES
        ('setu_ingest cannot insert into bronze.raw_machine_cycles',
            NOT has_column_privilege(
                'setu_ingest', 'bronze.raw_machine_cycles', 'cycle_start', 'INSERT'
            )),
        ('setu_ingest may set the id of a bronze row',
            has_column_privilege('setu_ingest', 'bronze.raw_machine_cycles', 'id', 'INSERT')),
        ('setu_ingest may set the arrival time of a bronze row',
            has_column_privilege('setu_ingest', 'bronze.raw_machine_cycles', 'time', 'INSERT')),
        ('setu_ingest may read silver',
            has_schema_privilege('setu_ingest', 'silver', 'USAGE')),
        ('setu_etl cannot write silver.machine_cycles',
            NOT has_table_privilege('setu_etl', 'silver.machine_cycles', 'INSERT')),
        ('setu_reader may write silver.machine_cycles',
            has_table_privilege('setu_reader', 'silver.machine_cycles', 'INSERT')),
        ('PUBLIC may use schema bronze',
            EXISTS (
                SELECT 1 FROM pg_namespace AS n
                CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
                WHERE n.nspname IN ('master', 'silver', 'bronze', '_etl') AND a.grantee = 0
            ))
    ) AS w (what, is_wrong)
    WHERE w.is_wrong;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'rights are not as they should be' USING DETAIL = v_wrong;
    END IF;
END
$verify$;
