-- For fingerprints: the tables that hold rows, with their columns.
SELECT
    'table' AS kind,
    c.label AS name,
    jsonb_build_object(
        'columns', (
            SELECT jsonb_agg(quote_ident(a.attname) ORDER BY a.attnum)
            FROM pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        )
    ) AS fields
FROM covered_relation AS c
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
