-- TimescaleDB's own triggers (ts_insert_blocker and the like) come and go with its version. Those
-- that _archive's functions serve note changes for the way back: state, and not schema.
SELECT
    'trigger' AS kind,
    c.label || '.' || quote_ident(t.tgname) AS name,
    jsonb_build_object(
        'definition', pg_get_triggerdef(t.oid),
        'enabled', CASE t.tgenabled
            WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always'
        END,
        'comment', obj_description(t.oid, 'pg_trigger')
    ) AS fields
FROM covered_relation AS c
INNER JOIN pg_trigger AS t ON t.tgrelid = c.oid AND NOT t.tgisinternal
INNER JOIN pg_proc AS p ON p.oid = t.tgfoid
INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname NOT LIKE '\_timescaledb\_%'
    AND n.nspname <> '_archive'
    AND t.tgname <> 'ts_insert_blocker'
UNION ALL
SELECT
    'rule' AS kind,
    c.label || '.' || quote_ident(r.rulename) AS name,
    jsonb_build_object('definition', pg_get_ruledef(r.oid)) AS fields
FROM covered_relation AS c
INNER JOIN pg_rewrite AS r ON r.ev_class = c.oid
WHERE r.rulename <> '_RETURN'
UNION ALL
SELECT
    'row policy' AS kind,
    c.label || '.' || quote_ident(y.polname) AS name,
    jsonb_build_object(
        'command', y.polcmd,
        'permissive', y.polpermissive,
        'roles', (
            SELECT jsonb_agg(
                CASE WHEN x.role = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.role) END
                ORDER BY pg_get_userbyid(x.role)
            )
            FROM unnest(y.polroles) AS x (role)
        ),
        'using', pg_get_expr(y.polqual, y.polrelid),
        'with_check', pg_get_expr(y.polwithcheck, y.polrelid)
    ) AS fields
FROM covered_relation AS c
INNER JOIN pg_policy AS y ON y.polrelid = c.oid
UNION ALL
SELECT
    'statistics' AS kind,
    quote_ident(c.schema_name) || '.' || quote_ident(e.stxname) AS name,
    jsonb_build_object('definition', pg_get_statisticsobjdef(e.oid)) AS fields
FROM covered_relation AS c
INNER JOIN pg_statistic_ext AS e ON e.stxrelid = c.oid
