-- What a schema can hold beside tables and code, and publications and casts of what it holds. Those
-- that name an object of a schema are defined here by what can be read of every version.
, listed_publication AS (
    SELECT
        p.*,
        (
            SELECT jsonb_agg(
                c.label
                    || coalesce(' (' || (
                        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
                        FROM pg_attribute AS a
                        WHERE a.attrelid = c.oid AND a.attnum = ANY (r.prattrs::smallint[])
                    ) || ')', '')
                    || coalesce(' WHERE ' || pg_get_expr(r.prqual, r.prrelid), '')
                ORDER BY c.label COLLATE "C"
            )
            FROM pg_publication_rel AS r
            INNER JOIN covered_relation AS c ON c.oid = r.prrelid
            WHERE r.prpubid = p.oid
        ) AS tables,
        (
            SELECT jsonb_agg(s.label ORDER BY s.label COLLATE "C")
            FROM pg_publication_namespace AS n
            INNER JOIN covered_schema AS s ON s.oid = n.pnnspid
            WHERE n.pnpubid = p.oid
        ) AS schemas
    FROM pg_publication AS p
),
named AS (
    SELECT 'pg_operator'::regclass AS class, o.oid, o.oprowner AS owner,
        o.oprcode::regproc::text AS detail
    FROM pg_operator AS o
    INNER JOIN covered_schema AS s ON s.oid = o.oprnamespace
    UNION ALL
    SELECT 'pg_opclass'::regclass, o.oid, o.opcowner, format_type(o.opcintype, NULL)
    FROM pg_opclass AS o
    INNER JOIN covered_schema AS s ON s.oid = o.opcnamespace
    UNION ALL
    SELECT 'pg_opfamily'::regclass, o.oid, o.opfowner, NULL
    FROM pg_opfamily AS o
    INNER JOIN covered_schema AS s ON s.oid = o.opfnamespace
    UNION ALL
    SELECT 'pg_collation'::regclass, o.oid, o.collowner,
        o.collprovider::text || coalesce(' ' || o.collcollate, '')
            || CASE WHEN o.collisdeterministic THEN '' ELSE ' not deterministic' END
    FROM pg_collation AS o
    INNER JOIN covered_schema AS s ON s.oid = o.collnamespace
    UNION ALL
    SELECT 'pg_conversion'::regclass, o.oid, o.conowner, o.conproc::regproc::text
    FROM pg_conversion AS o
    INNER JOIN covered_schema AS s ON s.oid = o.connamespace
    UNION ALL
    SELECT 'pg_ts_config'::regclass, o.oid, o.cfgowner, (
        SELECT string_agg(m.maptokentype::text || ':' || m.mapdict::regdictionary::text, ' '
            ORDER BY m.maptokentype, m.mapseqno)
        FROM pg_ts_config_map AS m
        WHERE m.mapcfg = o.oid
    )
    FROM pg_ts_config AS o
    INNER JOIN covered_schema AS s ON s.oid = o.cfgnamespace
    UNION ALL
    SELECT 'pg_ts_dict'::regclass, o.oid, o.dictowner, o.dictinitoption
    FROM pg_ts_dict AS o
    INNER JOIN covered_schema AS s ON s.oid = o.dictnamespace
    UNION ALL
    SELECT 'pg_cast'::regclass, c.oid, NULL, c.castmethod::text || c.castcontext::text
    FROM pg_cast AS c
    WHERE EXISTS (
        SELECT
        FROM pg_type AS t
        INNER JOIN covered_schema AS s ON s.oid = t.typnamespace
        WHERE t.oid IN (c.castsource, c.casttarget)
    ) OR c.castfunc IN (SELECT f.oid FROM covered_function AS f)
)
SELECT
    'publication' AS kind,
    quote_ident(p.pubname) AS name,
    jsonb_build_object(
        'all_tables', CASE WHEN p.puballtables THEN true END,
        'tables', p.tables,
        'schemas', p.schemas,
        'operations', (
            SELECT jsonb_agg(x.name ORDER BY x.name)
            FROM (VALUES
                ('insert', p.pubinsert), ('update', p.pubupdate), ('delete', p.pubdelete),
                ('truncate', p.pubtruncate)
            ) AS x (name, has)
            WHERE x.has
        ),
        'via_root', CASE WHEN p.pubviaroot THEN true END
    ) AS fields
FROM listed_publication AS p
WHERE p.puballtables OR p.tables IS NOT NULL OR p.schemas IS NOT NULL
UNION ALL
SELECT
    i.type AS kind,
    i.identity AS name,
    jsonb_build_object('owner', o.name, 'detail', n.detail) AS fields
FROM named AS n
CROSS JOIN LATERAL pg_identify_object(n.class, n.oid, 0) AS i
LEFT JOIN shown_owner AS o ON o.oid = n.owner
WHERE NOT EXISTS (
    SELECT
    FROM pg_depend AS d
    WHERE d.classid = n.class AND d.objid = n.oid AND d.deptype IN ('e', 'i')
)
