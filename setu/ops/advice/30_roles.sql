-- asks roles_are_narrow: May SETU's roles do only what they are for?
-- why roles_are_narrow: A stolen password of a sink must not open the whole database
-- asks public_may_not_create: Is schema public closed to everybody?
-- why public_may_not_create: A role that may create there can put a function in front of another's
SELECT 'roles_are_narrow', 'error', 'role ' || r.rolname, format('has %s', a.name),
    format('ALTER ROLE %I NO%s;', r.rolname, a.name)
FROM pg_roles AS r
CROSS JOIN LATERAL (
    VALUES
        ('SUPERUSER', r.rolsuper),
        ('CREATEROLE', r.rolcreaterole),
        ('CREATEDB', r.rolcreatedb),
        ('REPLICATION', r.rolreplication),
        ('BYPASSRLS', r.rolbypassrls)
) AS a (name, has)
WHERE r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader') AND a.has
UNION ALL
SELECT 'roles_are_narrow', 'error', 'role ' || r.rolname, format('is a member of %s', g.rolname),
    format('REVOKE %I FROM %I;', g.rolname, r.rolname)
FROM pg_auth_members AS m
INNER JOIN pg_roles AS r ON r.oid = m.member
INNER JOIN pg_roles AS g ON g.oid = m.roleid
WHERE r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader')
    AND (g.rolsuper OR g.rolcreaterole OR g.rolname IN (
        'pg_write_all_data', 'pg_read_all_data', 'pg_execute_server_program',
            'pg_write_server_files',
        'pg_read_server_files'
    ))
UNION ALL
SELECT 'public_may_not_create', 'warning', 'schema public', 'lets everybody create objects',
    'REVOKE CREATE ON SCHEMA public FROM PUBLIC;'
FROM pg_namespace AS n
CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE'
