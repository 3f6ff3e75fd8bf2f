SELECT
    'index' AS kind,
    quote_ident(c.schema_name) || '.' || quote_ident(x.relname) AS name,
    jsonb_build_object(
        'table', c.label,
        'definition', pg_get_indexdef(i.indexrelid),
        'unique', CASE WHEN i.indisunique THEN true END,
        'nulls_not_distinct', CASE WHEN i.indnullsnotdistinct THEN true END,
        'invalid', CASE WHEN NOT i.indisvalid OR NOT i.indisready THEN true END,
        'clustered', CASE WHEN i.indisclustered THEN true END,
        'replica_identity', CASE WHEN i.indisreplident THEN true END,
        'constraint', (
            SELECT k.conname
            FROM pg_constraint AS k
            WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
        ),
        'tablespace', t.spcname,
        'statistics', (
            SELECT jsonb_object_agg(a.attnum, a.attstattarget)
            FROM pg_attribute AS a
            WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0
        ),
        'comment', obj_description(i.indexrelid, 'pg_class')
    ) AS fields
FROM covered_relation AS c
INNER JOIN pg_index AS i ON i.indrelid = c.oid
INNER JOIN pg_class AS x ON x.oid = i.indexrelid
LEFT JOIN pg_tablespace AS t ON t.oid = x.reltablespace
