-- NOT NULL is a property of the column: since PostgreSQL 18 it is a constraint as well ('n').
SELECT
    'constraint' AS kind,
    c.label || '.' || quote_ident(k.conname) AS name,
    jsonb_build_object(
        'definition', pg_get_constraintdef(k.oid),
        'not_valid', CASE WHEN NOT k.convalidated THEN true END,
        'deferrable', CASE
            WHEN k.condeferred THEN 'initially deferred'
            WHEN k.condeferrable THEN 'initially immediate'
        END,
        'comment', obj_description(k.oid, 'pg_constraint')
    ) AS fields
FROM covered_relation AS c
INNER JOIN pg_constraint AS k ON k.conrelid = c.oid
WHERE k.contype IN ('c', 'f', 'p', 'u', 'x')
UNION ALL
SELECT
    'constraint' AS kind,
    t.label || '.' || quote_ident(k.conname) AS name,
    jsonb_build_object(
        'definition', pg_get_constraintdef(k.oid),
        'not_valid', CASE WHEN NOT k.convalidated THEN true END
    ) AS fields
FROM covered_type AS t
INNER JOIN pg_constraint AS k ON k.contypid = t.oid
WHERE k.contype = 'c'
