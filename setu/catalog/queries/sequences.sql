SELECT
    'sequence' AS kind,
    c.label AS name,
    jsonb_build_object(
        'owner', o.name,
        'type', format_type(s.seqtypid, NULL),
        'start', s.seqstart,
        'increment', s.seqincrement,
        'minimum', s.seqmin,
        'maximum', s.seqmax,
        'cache', s.seqcache,
        'cycle', CASE WHEN s.seqcycle THEN true END,
        'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
        'owned_by', d.refobjid::regclass::text || '.' || quote_ident(a.attname),
        'identity', CASE WHEN d.deptype = 'i' THEN true END,
        'comment', obj_description(c.oid, 'pg_class')
    ) AS fields
FROM covered_relation AS c
INNER JOIN shown_owner AS o ON o.oid = c.relowner
INNER JOIN pg_sequence AS s ON s.seqrelid = c.oid
LEFT JOIN pg_depend AS d
    ON d.classid = 'pg_class'::regclass
    AND d.objid = c.oid
    AND d.refclassid = 'pg_class'::regclass
    AND d.refobjsubid > 0
    AND d.deptype IN ('a', 'i')
LEFT JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
