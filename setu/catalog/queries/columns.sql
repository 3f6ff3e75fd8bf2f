SELECT
    'column' AS kind,
    c.label || '.' || quote_ident(a.attname) AS name,
    jsonb_build_object(
        'type', format_type(a.atttypid, a.atttypmod),
        'collation', CASE WHEN a.attcollation <> t.typcollation THEN l.collname END,
        'not_null', CASE WHEN a.attnotnull THEN true END,
        'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
        'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
        'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
        'generated_kind', CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END,
        'storage', CASE WHEN c.relkind IN ('r', 'p', 'm') AND a.attstorage <> t.typstorage THEN
            CASE a.attstorage
                WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended'
            END
        END,
        'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
        'statistics', nullif(a.attstattarget, -1),
        'options', (
            -- Debian's PostgreSQL 15.20 stamps each column with a pg_attver of its own.
            SELECT jsonb_agg(x.option ORDER BY x.option)
            FROM unnest(a.attoptions) AS x (option)
            WHERE x.option NOT LIKE 'pg\_attver=%'
        ),
        'comment', col_description(c.oid, a.attnum)
    ) AS fields
FROM covered_relation AS c
INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
INNER JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind <> 'S'
