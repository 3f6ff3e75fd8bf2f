-- The scope of a snapshot. Each query of this folder is put behind this text: it selects (kind
-- text, name text, fields jsonb), null fields being left out.
WITH covered_schema AS (
    SELECT n.oid, n.nspname AS name, quote_ident(n.nspname) AS label, n.nspowner AS owner
    FROM pg_namespace AS n
    WHERE n.nspname !~ '^(pg_|_timescaledb_|timescaledb_)'
        AND n.nspname NOT IN ('information_schema', 'toolkit_experimental', '_setu')
        -- State, and not schema, unless it is asked for by its name.
        AND (n.nspname <> '_archive' OR current_setting('setu_catalog.schemas') = '{"_archive"}')
        AND NOT EXISTS (
            SELECT FROM pg_depend AS d
            WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e'
        )
        AND (
            current_setting('setu_catalog.schemas') = ''
            OR n.nspname = ANY (
                nullif(current_setting('setu_catalog.schemas'), '')::text[]
            )
        )
),
covered_relation AS (
    SELECT
        c.*,
        s.label || '.' || quote_ident(c.relname) AS label,
        s.name AS schema_name
    FROM pg_class AS c
    INNER JOIN covered_schema AS s ON s.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        AND c.relname <> 'alembic_version'
        AND NOT EXISTS (
            SELECT FROM pg_depend AS d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
        )
),
covered_function AS (
    SELECT
        p.*,
        s.label || '.' || quote_ident(p.proname)
            || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS label
    FROM pg_proc AS p
    INNER JOIN covered_schema AS s ON s.oid = p.pronamespace
    WHERE NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    )
),
-- Types that stand for themselves: not row types of tables, not array types.
covered_type AS (
    SELECT t.*, s.label || '.' || quote_ident(t.typname) AS label
    FROM pg_type AS t
    INNER JOIN covered_schema AS s ON s.oid = t.typnamespace
    LEFT JOIN pg_class AS c ON c.oid = t.typrelid
    WHERE t.typtype IN ('c', 'd', 'e', 'r')
        AND (t.typtype <> 'c' OR c.relkind = 'c')
        AND NOT EXISTS (
            SELECT FROM pg_depend AS d
            WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
        )
),
-- Roles by the name they are shown under: the deploying role is not part of the catalog. A deployer
-- may be called setu_something, too, and is then known by the database being its own. Where an
-- expected owner is given, any other owner is shown.
shown_owner AS (
    SELECT
        r.oid,
        CASE
            WHEN r.rolname = current_setting('setu_catalog.owner', true) THEN '<owner>'
            WHEN nullif(current_setting('setu_catalog.owner', true), '') IS NOT NULL THEN r.rolname
            WHEN r.rolname LIKE 'setu\_%' AND r.oid <> d.datdba THEN r.rolname
            ELSE '<owner>'
        END AS name
    FROM pg_roles AS r
    CROSS JOIN pg_database AS d
    WHERE d.datname = current_database()
)
