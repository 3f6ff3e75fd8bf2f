-- what: the roles have their rights, PUBLIC has nothing, SECURITY DEFINER functions set their path
DO $check$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(format('role %s is missing', n.name), ', ')
    INTO v_wrong
    FROM unnest(ARRAY['setu_ingest', 'setu_etl', 'setu_reader', 'setu_admin']) AS n (name)
    WHERE NOT EXISTS (SELECT 1 FROM pg_roles AS r WHERE r.rolname = n.name);
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'roles of setu are missing' USING DETAIL = v_wrong;
    END IF;
    SELECT string_agg(w.what, ', ')
    INTO v_wrong
    FROM (
        SELECT format('setu_ingest may set %s.%s', c.oid::regclass, a.attname) AS what
        FROM pg_class AS c
        INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname IN ('id', 'time')
        WHERE c.relnamespace = 'bronze'::regnamespace AND c.relkind = 'r'
            AND has_column_privilege('setu_ingest', c.oid, a.attnum, 'INSERT')
        UNION ALL
        SELECT format('setu_ingest cannot add rows to %s', w.source_table)
        FROM _etl.watermarks AS w
        WHERE NOT has_any_column_privilege('setu_ingest', w.source_table, 'INSERT')
        UNION ALL
        SELECT format('setu_etl cannot write %s', w.target_table)
        FROM _etl.watermarks AS w
        WHERE NOT has_table_privilege('setu_etl', w.target_table, 'INSERT')
            OR NOT has_table_privilege('setu_etl', w.target_table, 'UPDATE')
        UNION ALL
        SELECT format('setu_reader may write %s', c.oid::regclass)
        FROM pg_class AS c
        INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold', '_etl')
            AND c.relkind IN ('r', 'v')
            AND has_table_privilege('setu_reader', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
        UNION ALL
        SELECT 'setu_ingest may use schema ' || n.nspname
        FROM pg_namespace AS n
        WHERE n.nspname IN ('master', 'silver', 'config', 'alerting', 'gold')
            AND has_schema_privilege('setu_ingest', n.oid, 'USAGE')
        UNION ALL
        SELECT format('setu_admin may reach %s', c.oid::regclass)
        FROM pg_class AS c
        INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold', '_etl')
            AND c.relkind IN ('r', 'v', 'S')
            AND c.relname NOT IN ('v_registered', 'v_rejected_rows', 'v_unknown_codes')
            AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege('setu_admin', c.oid, 'USAGE')
                ELSE has_any_column_privilege('setu_admin', c.oid, 'SELECT, INSERT, UPDATE')
                    OR has_table_privilege('setu_admin', c.oid, 'DELETE, TRUNCATE') END
        UNION ALL
        SELECT format('%s runs as its owner and sets no search_path', p.oid::regprocedure)
        FROM pg_proc AS p
        INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold', '_etl')
            AND p.prosecdef
            AND NOT EXISTS (
                SELECT 1 FROM unnest(p.proconfig) AS s (setting)
                WHERE starts_with(s.setting, 'search_path=')
            )
        UNION ALL
        SELECT format('PUBLIC may execute %s', p.oid::regprocedure)
        FROM pg_proc AS p
        INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace
        CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
        WHERE n.nspname IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold', '_etl')
            AND a.grantee = 0
            -- An extension of somebody's own that was put here has rights of its own.
            AND NOT EXISTS (
                SELECT 1 FROM pg_depend AS d
                WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
            )
        UNION ALL
        SELECT format('PUBLIC may reach %s', c.oid::regclass)
        FROM pg_class AS c
        INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL aclexplode(c.relacl) AS a
        WHERE n.nspname IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold', '_etl')
            AND a.grantee = 0
            AND NOT EXISTS (
                SELECT 1 FROM pg_depend AS d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
            )
        UNION ALL
        SELECT 'PUBLIC may use schema ' || n.nspname
        FROM pg_namespace AS n
        CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
        WHERE n.nspname IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold', '_etl')
            AND a.grantee = 0
    ) AS w;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'rights are not as they should be' USING DETAIL = v_wrong;
    END IF;
END
$check$;
