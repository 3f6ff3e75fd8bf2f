SELECT
    CASE c.relkind
        WHEN 'v' THEN 'view'
        WHEN 'm' THEN 'materialized view'
        WHEN 'f' THEN 'foreign table'
        ELSE 'table'
    END AS kind,
    c.label AS name,
    jsonb_build_object(
        'owner', o.name,
        'columns', (
            SELECT jsonb_agg(a.attname ORDER BY a.attnum)
            FROM pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ),
        'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' WHEN 't' THEN 'temporary' END,
        'access_method', CASE WHEN am.amname <> 'heap' THEN am.amname END,
        'tablespace', t.spcname,
        'options', (
            SELECT jsonb_agg(x.option ORDER BY x.option) FROM unnest(c.reloptions) AS x (option)
        ),
        'toast_options', (
            SELECT jsonb_agg(x.option ORDER BY x.option) FROM unnest(r.reloptions) AS x (option)
        ),
        'row_security', nullif(
            concat_ws(
                ', ',
                CASE WHEN c.relrowsecurity THEN 'enabled' END,
                CASE WHEN c.relforcerowsecurity THEN 'forced' END
            ),
            ''
        ),
        'replica_identity', CASE c.relreplident
            WHEN 'f' THEN 'full'
            WHEN 'i' THEN 'index'
            WHEN 'n' THEN CASE WHEN c.relkind IN ('r', 'p') THEN 'nothing' END
        END,
        'partition_key', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
        'partition_bound', pg_get_expr(c.relpartbound, c.oid),
        'inherits', (
            SELECT jsonb_agg(i.inhparent::regclass::text ORDER BY i.inhseqno)
            FROM pg_inherits AS i
            WHERE i.inhrelid = c.oid
        ),
        'definition', CASE
            WHEN c.relkind IN ('v', 'm') AND NOT EXISTS (
                -- A continuous aggregate's view names its internal table; it has its own query.
                SELECT
                FROM pg_rewrite AS w
                INNER JOIN pg_depend AS d ON d.objid = w.oid AND d.classid = 'pg_rewrite'::regclass
                INNER JOIN pg_class AS m ON m.oid = d.refobjid
                    AND d.refclassid = 'pg_class'::regclass
                INNER JOIN pg_namespace AS n ON n.oid = m.relnamespace
                WHERE w.ev_class = c.oid
                    AND n.nspname = '_timescaledb_internal'
                    AND m.relname LIKE '\_materialized\_hypertable\_%'
            ) THEN pg_get_viewdef(c.oid)
        END,
        'comment', obj_description(c.oid, 'pg_class')
    ) AS fields
FROM covered_relation AS c
INNER JOIN shown_owner AS o ON o.oid = c.relowner
LEFT JOIN pg_am AS am ON am.oid = c.relam
LEFT JOIN pg_tablespace AS t ON t.oid = c.reltablespace
LEFT JOIN pg_class AS r ON r.oid = c.reltoastrelid
WHERE c.relkind <> 'S'
