-- Objects of others that depend on the objects that the swap moves: kind, name, on what, columns.
WITH ours AS (
    SELECT n.oid, n.nspname
    FROM pg_namespace AS n
    WHERE n.nspname IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold', '_etl')
),
-- Left out are objects of the server and of the extension, and those that a run makes.
inside AS (
    SELECT n.oid
    FROM pg_namespace AS n
    WHERE n.nspname IN (SELECT o.nspname FROM ours AS o)
        OR n.nspname IN ('pg_catalog', 'information_schema', '_stage', '_archive', '_setu')
        OR n.nspname ~ '^(pg_toast|pg_temp|_timescaledb_|timescaledb_)'
),
base AS (
    SELECT c.oid, c.oid::regclass::text AS label, c.relkind, c.reltype, o.nspname, c.relname,
        (SELECT t.typarray FROM pg_type AS t WHERE t.oid = c.reltype) AS array_type
    FROM pg_class AS c
    INNER JOIN ours AS o ON o.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')
),
code AS (
    SELECT p.oid, p.oid::regprocedure::text AS label
    FROM pg_proc AS p
    INNER JOIN ours AS o ON o.oid = p.pronamespace
    -- An extension may be in a schema of ours; what it calls stays with it.
    WHERE NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    )
),
-- Not by to_regclass: that needs a right on the schema.
relation AS (
    SELECT c.oid, n.nspname, c.relname
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
),
aggregate AS (
    SELECT v.oid AS view_oid, r.oid AS direct_oid
    FROM _timescaledb_catalog.continuous_agg AS a
    INNER JOIN relation AS v ON v.nspname = a.user_view_schema AND v.relname = a.user_view_name
    INNER JOIN relation AS r ON r.nspname = a.direct_view_schema AND r.relname = a.direct_view_name
),
view_use AS (
    SELECT coalesce(a.view_oid, w.ev_class) AS oid, b.label AS on_what, b.relkind AS on_kind,
        d.refobjid AS table_oid, d.refobjsubid AS attnum, a.view_oid IS NOT NULL AS is_aggregate
    FROM pg_depend AS d
    INNER JOIN pg_rewrite AS w ON w.oid = d.objid
    INNER JOIN base AS b ON b.oid = d.refobjid
    LEFT JOIN aggregate AS a ON w.ev_class IN (a.view_oid, a.direct_oid)
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
        AND w.ev_class <> d.refobjid
    UNION ALL
    SELECT w.ev_class, c.label, 'f', NULL, 0, false
    FROM pg_depend AS d
    INNER JOIN pg_rewrite AS w ON w.oid = d.objid
    INNER JOIN code AS c ON c.oid = d.refobjid
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_proc'::regclass
),
-- Whatever else calls our code, or is made of the row type of a table.
other AS (
    SELECT pg_describe_object(d.classid, d.objid, 0) AS description, b.label AS on_what,
        coalesce(ofs.relnamespace, tab.relnamespace, dom.typnamespace, rel.relnamespace,
            typ.typnamespace)
            AS namespace_oid
    FROM pg_depend AS d
    INNER JOIN (
        SELECT 'pg_proc'::regclass AS class_oid, c.oid, c.label FROM code AS c
        UNION ALL
        SELECT 'pg_type'::regclass, b.reltype, b.label FROM base AS b
    ) AS b ON b.class_oid = d.refclassid AND b.oid = d.refobjid
    LEFT JOIN pg_attrdef AS f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
    LEFT JOIN pg_class AS ofs ON ofs.oid = f.adrelid
    LEFT JOIN pg_constraint AS k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
    LEFT JOIN pg_class AS tab ON tab.oid = k.conrelid
    LEFT JOIN pg_type AS dom ON dom.oid = k.contypid
    LEFT JOIN pg_class AS rel ON d.classid = 'pg_class'::regclass AND rel.oid = d.objid
    LEFT JOIN pg_type AS typ ON d.classid = 'pg_type'::regclass AND typ.oid = d.objid
    WHERE d.deptype IN ('n', 'a') AND d.classid <> ALL (ARRAY[
        'pg_rewrite'::regclass, 'pg_proc'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass
    ])
        -- Columns of the row type are found as such.
        AND NOT (d.classid = 'pg_class'::regclass AND rel.relkind IN ('r', 'c', 'p'))
),
found AS (
    SELECT
        CASE
            WHEN bool_or(u.is_aggregate) THEN 'continuous aggregate'
            WHEN v.relkind = 'm' THEN 'materialized view'
            WHEN v.relkind = 'v' THEN 'view'
            ELSE 'rule on'
        END AS kind,
        v.oid::regclass::text AS name,
        string_agg(DISTINCT u.on_what, ', ') AS on_what,
        pg_get_userbyid(v.relowner) AS owner,
        bool_and(u.on_kind = 'r') AND v.relkind = 'v' AND NOT bool_or(u.is_aggregate)
            AND NOT EXISTS (
                SELECT FROM pg_attribute AS x
                INNER JOIN base AS y ON x.atttypid IN (y.reltype, y.array_type)
                WHERE x.attrelid = v.oid AND x.attnum > 0
            ) AS may_move,
        coalesce(jsonb_object_agg(u.on_what || '.' || a.attname,
            format_type(a.atttypid, a.atttypmod))
            FILTER (WHERE a.attname IS NOT NULL), '{}') AS columns
    FROM view_use AS u
    INNER JOIN pg_class AS v ON v.oid = u.oid
    LEFT JOIN pg_attribute AS a ON a.attrelid = u.table_oid AND a.attnum = u.attnum AND u.attnum > 0
    WHERE v.relnamespace NOT IN (SELECT i.oid FROM inside AS i)
    GROUP BY v.oid, v.relkind, v.relowner
    UNION ALL
    SELECT 'foreign key', format('%s on %s', k.conname, k.conrelid::regclass), b.label, NULL, false,
        '{}'
    FROM pg_constraint AS k
    INNER JOIN base AS b ON b.oid = k.confrelid
    INNER JOIN pg_class AS c ON c.oid = k.conrelid
    WHERE k.contype = 'f' AND c.relnamespace NOT IN (SELECT i.oid FROM inside AS i)
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text,
        string_agg(DISTINCT coalesce(b.label, c.label), ', '), NULL, false, '{}'
    FROM pg_depend AS d
    INNER JOIN pg_proc AS p ON p.oid = d.objid
    LEFT JOIN base AS b
        ON (d.refclassid = 'pg_class'::regclass AND b.oid = d.refobjid)
        OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (b.reltype, b.array_type))
    LEFT JOIN code AS c ON d.refclassid = 'pg_proc'::regclass AND c.oid = d.refobjid
    WHERE d.classid = 'pg_proc'::regclass AND coalesce(b.oid, c.oid) IS NOT NULL
        AND p.pronamespace NOT IN (SELECT i.oid FROM inside AS i)
    GROUP BY p.oid
    UNION ALL
    SELECT 'trigger', format('%I calls %s', t.tgname, t.tgfoid::regproc), b.label, NULL, false, '{}'
    FROM pg_trigger AS t
    INNER JOIN base AS b ON b.oid = t.tgrelid
    INNER JOIN pg_proc AS p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal AND p.pronamespace NOT IN (SELECT i.oid FROM inside AS i)
    UNION ALL
    SELECT
        CASE WHEN r.ev_type = '4' AND NOT r.is_instead THEN 'rule beside DELETE' ELSE 'rule' END,
        r.rulename, b.label, NULL, false, '{}'
    FROM pg_rewrite AS r
    INNER JOIN base AS b ON b.oid = r.ev_class
    WHERE r.rulename <> '_RETURN'
    UNION ALL
    SELECT 'row security policy', y.polname, b.label, NULL, false, '{}'
    FROM pg_policy AS y
    INNER JOIN base AS b ON b.oid = y.polrelid
    UNION ALL
    SELECT 'publication', p.pubname, string_agg(b.label, ', ' ORDER BY b.label), NULL, false, '{}'
    FROM pg_publication_rel AS r
    INNER JOIN pg_publication AS p ON p.oid = r.prpubid
    INNER JOIN base AS b ON b.oid = r.prrelid
    GROUP BY p.oid, p.pubname
    UNION ALL
    SELECT 'publication', p.pubname, string_agg('schema ' || o.nspname, ', ' ORDER BY o.nspname),
        NULL, false, '{}'
    FROM pg_publication_namespace AS s
    INNER JOIN pg_publication AS p ON p.oid = s.pnpubid
    INNER JOIN ours AS o ON o.oid = s.pnnspid
    GROUP BY p.oid, p.pubname
    UNION ALL
    SELECT 'publication for all tables', p.pubname, 'every table', NULL, false, '{}'
    FROM pg_publication AS p
    WHERE p.puballtables
    UNION ALL
    SELECT 'subscription', s.subname, string_agg(b.label, ', ' ORDER BY b.label), NULL, false, '{}'
    FROM pg_subscription_rel AS r
    INNER JOIN pg_subscription AS s ON s.oid = r.srsubid
    INNER JOIN base AS b ON b.oid = r.srrelid
    GROUP BY s.oid, s.subname
    UNION ALL
    SELECT 'child table', c.oid::regclass::text, b.label, NULL, false, '{}'
    FROM pg_inherits AS h
    INNER JOIN base AS b ON b.oid = h.inhparent
    INNER JOIN pg_class AS c ON c.oid = h.inhrelid
    WHERE c.relnamespace NOT IN (SELECT i.oid FROM inside AS i)
    UNION ALL
    SELECT 'column of the row type', format('%s.%I', a.attrelid::regclass, a.attname), b.label,
        NULL, false, '{}'
    FROM pg_attribute AS a
    INNER JOIN base AS b ON a.atttypid IN (b.reltype, b.array_type)
    INNER JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relkind IN ('r', 'p', 'c') AND a.attnum > 0 AND NOT a.attisdropped
        AND c.relnamespace NOT IN (SELECT i.oid FROM inside AS i)
    UNION ALL
    SELECT 'parent table', c.oid::regclass::text, b.label, NULL, false, '{}'
    FROM pg_inherits AS h
    INNER JOIN base AS b ON b.oid = h.inhrelid
    INNER JOIN pg_class AS c ON c.oid = h.inhparent
    WHERE c.relnamespace NOT IN (SELECT i.oid FROM inside AS i)
    UNION ALL
    SELECT 'default', format('of %s', f.adrelid::regclass), b.label, NULL, false, '{}'
    FROM pg_depend AS d
    INNER JOIN pg_attrdef AS f ON f.oid = d.objid
    INNER JOIN base AS b ON b.oid = d.refobjid
    INNER JOIN pg_class AS c ON c.oid = f.adrelid
    WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
        AND b.relkind = 'S' AND c.relnamespace NOT IN (SELECT i.oid FROM inside AS i)
    UNION ALL
    -- A default, a generated column, a check, an index, a domain, a cast, an operator.
    SELECT 'object', o.description, string_agg(DISTINCT o.on_what, ', '), NULL, false, '{}'
    FROM other AS o
    WHERE o.namespace_oid IS NULL OR o.namespace_oid NOT IN (SELECT i.oid FROM inside AS i)
    GROUP BY o.description
    UNION ALL
    -- A body that is text names tables without depending on them.
    SELECT 'text of function', p.oid::regprocedure::text, string_agg(DISTINCT b.label, ', '), NULL,
        false, '{}'
    FROM pg_proc AS p
    INNER JOIN base AS b
        ON (
            strpos(p.prosrc, b.label) > 0
            AND p.prosrc ~ ('\m' || replace(b.label, '.', '\.') || '\M')
        )
        -- By its bare name, found on a path of the function's own.
        OR (
            strpos(p.prosrc, b.relname) > 0
            AND p.prosrc ~ ('\m' || b.relname || '\M')
            AND EXISTS (
                SELECT FROM unnest(p.proconfig) AS s (entry)
                WHERE s.entry ~ ('^search_path=.*\m' || b.nspname || '\M')
            )
        )
    WHERE p.pronamespace NOT IN (SELECT i.oid FROM inside AS i) AND p.prosqlbody IS NULL
        AND NOT EXISTS (
            SELECT FROM pg_depend AS e
            WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e'
        )
    GROUP BY p.oid
)
SELECT f.kind, f.name, f.on_what, f.owner, f.may_move, f.columns
FROM found AS f
ORDER BY f.kind, f.name
