SELECT
    CASE t.typtype
        WHEN 'd' THEN 'domain' WHEN 'e' THEN 'enum' WHEN 'r' THEN 'range' ELSE 'type'
    END AS kind,
    t.label AS name,
    jsonb_build_object(
        'owner', o.name,
        'base', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
        'not_null', CASE WHEN t.typnotnull THEN true END,
        'default', t.typdefault,
        'collation', (
            SELECT l.collname
            FROM pg_type AS b
            INNER JOIN pg_collation AS l ON l.oid = t.typcollation
            WHERE b.oid = t.typbasetype AND b.typcollation <> t.typcollation
        ),
        'labels', (
            SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder)
            FROM pg_enum AS e
            WHERE e.enumtypid = t.oid
        ),
        'subtype', (
            SELECT format_type(r.rngsubtype, NULL) FROM pg_range AS r WHERE r.rngtypid = t.oid
        ),
        'attributes', (
            SELECT jsonb_agg(
                quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                ORDER BY a.attnum
            )
            FROM pg_attribute AS a
            WHERE a.attrelid = nullif(t.typrelid, 0) AND a.attnum > 0 AND NOT a.attisdropped
        ),
        'comment', obj_description(t.oid, 'pg_type')
    ) AS fields
FROM covered_type AS t
INNER JOIN shown_owner AS o ON o.oid = t.typowner
