-- Roles belong to the server, not to the database; only those named setu_* are SETU's. A role that
-- only archived rows are granted to is part of the archive, which is state and not schema.
SELECT
    'role' AS kind,
    r.rolname::text AS name,
    jsonb_build_object(
        'superuser', r.rolsuper,
        'inherit', r.rolinherit,
        'create_role', r.rolcreaterole,
        'create_database', r.rolcreatedb,
        'login', r.rolcanlogin,
        'replication', r.rolreplication,
        'bypass_row_security', r.rolbypassrls,
        'connection_limit', nullif(r.rolconnlimit, -1),
        'valid_until', nullif(r.rolvaliduntil, 'infinity'),
        'comment', shobj_description(r.oid, 'pg_authid')
    ) AS fields
FROM pg_roles AS r
WHERE r.rolname LIKE 'setu\_%' AND current_setting('setu_catalog.schemas') = ''
    AND coalesce((
        SELECT bool_or(coalesce(n.nspname, '') NOT IN ('_archive', '_timescaledb_internal'))
        FROM pg_shdepend AS h
        LEFT JOIN pg_class AS c ON h.classid = 'pg_class'::regclass AND c.oid = h.objid
        LEFT JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE h.refclassid = 'pg_authid'::regclass AND h.refobjid = r.oid
            AND h.dbid = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())
    ), true)
UNION ALL
SELECT
    CASE WHEN s.setrole = 0 THEN 'database setting' ELSE 'role setting' END AS kind,
    coalesce(r.rolname || '.', '')
        || split_part(x.setting, '=', 1)
        || CASE WHEN s.setrole <> 0 AND s.setdatabase <> 0 THEN ' in <database>' ELSE '' END
            AS name,
    jsonb_build_object('value', substr(x.setting, strpos(x.setting, '=') + 1)) AS fields
FROM pg_db_role_setting AS s
LEFT JOIN pg_roles AS r ON r.oid = s.setrole
LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
CROSS JOIN LATERAL unnest(s.setconfig) AS x (setting)
WHERE current_setting('setu_catalog.schemas') = ''
    AND (s.setdatabase = 0 OR d.datname = current_database())
    AND (r.rolname LIKE 'setu\_%' OR (s.setrole = 0 AND s.setdatabase <> 0))
UNION ALL
SELECT
    'membership' AS kind,
    m.rolname || ' in ' || r.rolname AS name,
    jsonb_build_object('admin', CASE WHEN bool_or(a.admin_option) THEN true END) AS fields
FROM pg_auth_members AS a
INNER JOIN pg_roles AS r ON r.oid = a.roleid
INNER JOIN pg_roles AS m ON m.oid = a.member
WHERE m.rolname LIKE 'setu\_%' AND current_setting('setu_catalog.schemas') = ''
GROUP BY m.rolname, r.rolname
