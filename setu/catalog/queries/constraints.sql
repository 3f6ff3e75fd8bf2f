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
        -- DISABLE TRIGGER ALL leaves a foreign key in place and checks nothing any more.
        'trigger_state', (
            SELECT string_agg(DISTINCT x.state, ', ')
            FROM pg_trigger AS t
            CROSS JOIN LATERAL (
                SELECT CASE t.tgenabled
                    WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always'
                END
            ) AS x (state)
            WHERE t.tgconstraint = k.oid
        ),
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
