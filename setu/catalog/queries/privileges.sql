-- A null ACL means the built-in default, which may give PUBLIC something: it is written out. The
-- owner's own full rights are left out. MAINTAIN exists since PostgreSQL 17; as part of ALL it is
-- left out, so that the versions agree.
, acl AS (
    SELECT
        CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind,
        c.label,
        c.relowner AS owner,
        coalesce(
            c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)
        ) AS items,
        acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner) AS defaults
    FROM covered_relation AS c
    UNION ALL
    SELECT 'column', c.label || '.' || quote_ident(a.attname), c.relowner, a.attacl, NULL::aclitem[]
    FROM covered_relation AS c
    INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped
    WHERE a.attacl IS NOT NULL
    UNION ALL
    SELECT
        'schema', s.label, s.owner,
        coalesce(n.nspacl, acldefault('n', s.owner)), acldefault('n', s.owner)
    FROM covered_schema AS s
    INNER JOIN pg_namespace AS n ON n.oid = s.oid
    UNION ALL
    SELECT
        CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, p.label, p.proowner,
        coalesce(p.proacl, acldefault('f', p.proowner)), acldefault('f', p.proowner)
    FROM covered_function AS p
    UNION ALL
    SELECT
        'type', t.label, t.typowner,
        coalesce(t.typacl, acldefault('T', t.typowner)), acldefault('T', t.typowner)
    FROM covered_type AS t
    UNION ALL
    SELECT
        'database', '<database>', d.datdba,
        coalesce(d.datacl, acldefault('d', d.datdba)), acldefault('d', d.datdba)
    FROM pg_database AS d
    WHERE d.datname = current_database() AND current_setting('setu_catalog.schemas') = ''
),
granted AS (
    SELECT
        a.kind,
        a.label,
        CASE
            WHEN x.grantee = 0 THEN 'PUBLIC'
            WHEN x.grantee = a.owner THEN '<owner>'
            ELSE pg_get_userbyid(x.grantee)
        END AS grantee,
        x.privilege_type || CASE WHEN bool_or(x.is_grantable) THEN '*' ELSE '' END AS privilege
    FROM acl AS a
    CROSS JOIN LATERAL aclexplode(a.items) AS x
    GROUP BY a.kind, a.label, a.owner, x.grantee, x.privilege_type
),
listed AS (
    SELECT
        g.kind,
        g.label,
        g.grantee,
        array_agg(g.privilege ORDER BY g.privilege COLLATE "C") AS privileges
    FROM granted AS g
    GROUP BY g.kind, g.label, g.grantee
),
owned AS (
    SELECT
        a.kind,
        a.label,
        array_agg(x.privilege_type ORDER BY x.privilege_type COLLATE "C") AS privileges
    FROM acl AS a
    CROSS JOIN LATERAL aclexplode(a.defaults) AS x
    WHERE x.grantee = a.owner
    GROUP BY a.kind, a.label
),
tidied AS (
    SELECT
        l.kind,
        l.label,
        l.grantee,
        CASE
            WHEN l.kind = 'table' AND l.privileges @> ARRAY[
                'DELETE', 'INSERT', 'MAINTAIN', 'REFERENCES', 'SELECT', 'TRIGGER', 'TRUNCATE',
                'UPDATE'
            ] THEN array_remove(l.privileges, 'MAINTAIN')
            ELSE l.privileges
        END AS privileges
    FROM listed AS l
    LEFT JOIN owned AS o ON o.kind = l.kind AND o.label = l.label
    WHERE l.grantee <> '<owner>'
        OR (l.kind <> 'column' AND l.privileges IS DISTINCT FROM o.privileges)
    UNION ALL
    -- An owner who took all rights from itself.
    SELECT o.kind, o.label, '<owner>', '{}'
    FROM owned AS o
    WHERE NOT EXISTS (
        SELECT
        FROM listed AS l
        WHERE l.kind = o.kind AND l.label = o.label AND l.grantee = '<owner>'
    )
)
SELECT
    'privilege' AS kind,
    t.kind || ' ' || t.label || ' to ' || t.grantee AS name,
    jsonb_build_object('privileges', to_jsonb(t.privileges)) AS fields
FROM tidied AS t
WHERE t.kind <> 'database' OR t.grantee = 'PUBLIC' OR t.grantee LIKE 'setu\_%'
UNION ALL
-- Settings that a role may change although it is no superuser: they belong to the server.
SELECT
    'privilege' AS kind,
    'parameter ' || p.parname || ' to ' || r.rolname AS name,
    jsonb_build_object(
        'privileges', jsonb_agg(
            x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END
            ORDER BY x.privilege_type COLLATE "C"
        )
    ) AS fields
FROM pg_parameter_acl AS p
CROSS JOIN LATERAL aclexplode(p.paracl) AS x
INNER JOIN pg_roles AS r ON r.oid = x.grantee
WHERE r.rolname LIKE 'setu\_%' AND current_setting('setu_catalog.schemas') = ''
GROUP BY p.parname, r.rolname
UNION ALL
SELECT
    'default privilege' AS kind,
    CASE d.defaclobjtype
        WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
        WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::text
    END
        || coalesce(' in ' || s.label, '')
        || ' of '
        || CASE WHEN d.defaclrole = current_user::regrole THEN '<owner>'
            ELSE pg_get_userbyid(d.defaclrole) END
        || ' to '
        || CASE
            WHEN x.grantee = 0 THEN 'PUBLIC'
            WHEN x.grantee = d.defaclrole THEN '<owner>'
            ELSE pg_get_userbyid(x.grantee)
        END AS name,
    jsonb_build_object(
        'privileges', jsonb_agg(
            x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END
            ORDER BY x.privilege_type COLLATE "C"
        )
    ) AS fields
FROM pg_default_acl AS d
LEFT JOIN covered_schema AS s ON s.oid = d.defaclnamespace
CROSS JOIN LATERAL aclexplode(d.defaclacl) AS x
WHERE s.oid IS NOT NULL
    OR (d.defaclnamespace = 0 AND current_setting('setu_catalog.schemas') = '')
GROUP BY d.defaclobjtype, d.defaclrole, s.label, x.grantee
