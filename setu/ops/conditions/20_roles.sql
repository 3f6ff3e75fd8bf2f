-- must roles_can_connect: setu_etl and setu_ingest can log in to this database
-- must roles_have_rights: Each of the two has the rights that its work needs
-- must role_settings_fit: No setting of a role or the database ends or distorts a load
-- must stored_rows_are_seen: No setting hides stored rows from reports, aggregates and retention
WITH role AS (
    SELECT w.name, r.oid, r.rolcanlogin, r.rolconnlimit, r.rolvaliduntil, w.needed
    FROM (VALUES ('setu_etl', 'no load runs'), ('setu_ingest', 'no sink can write'))
        AS w (name, needed)
    LEFT JOIN pg_roles AS r ON r.rolname = w.name
),
fact AS (
    SELECT l.pipeline, b.oid AS source, t.oid AS target,
        'bronze.raw_' || l.pipeline AS source_name, 'silver.' || l.pipeline AS target_name
    FROM _etl.v_pipeline_lag AS l
    LEFT JOIN pg_class AS b
        ON b.relname = 'raw_' || l.pipeline
        AND b.relnamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = 'bronze')
    LEFT JOIN pg_class AS t
        ON t.relname = l.pipeline
        AND t.relnamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = 'silver')
),
needed AS (
    SELECT r.name, r.oid, w.kind, w.object, w.privilege
    FROM role AS r
    INNER JOIN (
        SELECT 'setu_etl' AS name, 'schema' AS kind, s.name AS object, 'USAGE' AS privilege
        FROM unnest('{bronze,silver,gold,master,_etl}'::text[]) AS s (name)
        UNION ALL
        SELECT 'setu_ingest', 'schema', 'bronze', 'USAGE'
        UNION ALL
        SELECT 'setu_etl', 'table', f.source_name, 'SELECT' FROM fact AS f
        UNION ALL
        SELECT 'setu_etl', 'table', f.target_name, p.name
        FROM fact AS f CROSS JOIN unnest('{SELECT,INSERT,UPDATE}'::text[]) AS p (name)
        UNION ALL
        SELECT 'setu_etl', 'table', '_etl.' || t.name, p.name
        FROM unnest('{watermarks,job_runs,rejected_rows,fence_readings}'::text[]) AS t (name)
        CROSS JOIN unnest('{SELECT,UPDATE}'::text[]) AS p (name)
        UNION ALL
        SELECT 'setu_etl', 'table', 'master.' || t.name, 'SELECT'
        FROM unnest('{machine_info,plant_machine_mapping,plants,shift_definitions}'::text[])
            AS t (name)
        UNION ALL
        SELECT 'setu_etl', 'table', 'gold.' || t.name, p.name
        FROM (VALUES
            ('machine_shifts', '{SELECT,INSERT,DELETE}'::text[]),
            ('machine_days', '{SELECT,INSERT,DELETE}'),
            ('rolled_up_chunks', '{SELECT,INSERT,DELETE}'),
            ('running_shifts', '{SELECT,INSERT,DELETE}'),
            ('stale_machine_days', '{SELECT,INSERT,DELETE}'),
            ('rolled_up_dates', '{SELECT,INSERT,UPDATE}'),
            ('long_stops', '{SELECT,INSERT,UPDATE,DELETE}')
        ) AS t (name, privileges)
        CROSS JOIN unnest(t.privileges) AS p (name)
        UNION ALL
        SELECT 'setu_ingest', 'columns of table', f.source_name, 'INSERT' FROM fact AS f
        UNION ALL
        SELECT 'setu_etl', 'procedure', '_etl.sp_load_' || f.pipeline, 'EXECUTE' FROM fact AS f
        UNION ALL
        SELECT 'setu_etl', 'procedure', p.name, 'EXECUTE'
        FROM unnest('{gold.sp_roll_up,master.sp_extend_shift_calendar}'::text[]) AS p (name)
    ) AS w ON w.name = r.name
    WHERE r.oid IS NOT NULL
),
object AS (
    SELECT n.nspname || '.' || c.relname AS name, c.oid, 'table' AS kind
    FROM pg_class AS c INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v')
        AND n.nspname IN ('bronze', 'silver', 'gold', 'master', '_etl')
    UNION ALL
    SELECT n.nspname || '.' || p.proname, p.oid, 'procedure'
    FROM pg_proc AS p INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE p.prokind = 'p' AND n.nspname IN ('_etl', 'gold', 'master')
    UNION ALL
    SELECT n.nspname, n.oid, 'schema' FROM pg_namespace AS n
),
checked AS (
    SELECT d.name, d.kind, d.object, d.privilege,
        CASE
            WHEN o.oid IS NULL THEN NULL
            WHEN d.kind = 'schema' THEN has_schema_privilege(d.oid, o.oid, d.privilege)
            WHEN d.kind = 'procedure' THEN has_function_privilege(d.oid, o.oid, d.privilege)
            WHEN d.kind = 'table' THEN has_table_privilege(d.oid, o.oid, d.privilege)
            -- Each column that a source may set.
            ELSE NOT EXISTS (
                SELECT 1 FROM pg_attribute AS a
                WHERE a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND a.attname NOT IN ('id', 'time')
                    AND NOT has_column_privilege(d.oid, o.oid, a.attnum, 'INSERT')
            )
        END AS has
    FROM needed AS d
    LEFT JOIN object AS o
        ON o.name = d.object AND o.kind = replace(d.kind, 'columns of ', '')
),
setting AS (
    SELECT
        concat_ws(
            ' in ', 'role ' || r.rolname, CASE WHEN b.datname IS NOT NULL THEN 'database '
                || b.datname END
        ) AS whose,
        -- A setting for a role in a database takes precedence over one for either.
        CASE WHEN o.setrole <> 0 THEN 2 ELSE 0 END + CASE WHEN o.setdatabase <> 0 THEN 1 ELSE 0 END
            AS rank,
        coalesce(r.rolname, '') AS role,
        split_part(c.entry, '=', 1) AS name, substr(c.entry, strpos(c.entry, '=') + 1) AS value
    FROM pg_db_role_setting AS o
    LEFT JOIN pg_database AS b ON b.oid = o.setdatabase
    LEFT JOIN pg_roles AS r ON r.oid = o.setrole
    CROSS JOIN unnest(o.setconfig) AS c (entry)
    WHERE (o.setdatabase = 0 OR b.datname = current_database())
        AND (o.setrole = 0 OR r.rolname = 'setu_etl')
),
at_work AS (
    SELECT DISTINCT ON (s.name) s.name, s.value, s.whose
    FROM setting AS s
    ORDER BY s.name, s.rank DESC
),
known AS (
    -- A setting that this version does not know has no effect; up to 2.24, enable_columnarscan is
    -- of plans only.
    SELECT s.name
    FROM pg_settings AS s
    WHERE s.name <> 'timescaledb.enable_columnarscan' OR NOT EXISTS (
        SELECT 1 FROM pg_settings AS o
        WHERE o.name = 'timescaledb.enable_transparent_decompression'
    )
),
given AS (
    -- What sessions of readers and of the owner of the policies begin with. Those of setu_etl have
    -- settings of their own.
    SELECT s.name, s.reset_val AS value, 'server' AS whose, 'SYSTEM' AS what
    FROM pg_settings AS s
    WHERE NOT EXISTS (
        SELECT 1
        FROM pg_db_role_setting AS o
        LEFT JOIN pg_database AS b ON b.oid = o.setdatabase
        LEFT JOIN pg_roles AS r ON r.oid = o.setrole
        CROSS JOIN unnest(o.setconfig) AS c (entry)
        WHERE split_part(c.entry, '=', 1) = s.name
            AND (o.setdatabase = 0 OR b.datname = current_database())
            AND (o.setrole = 0 OR r.rolname = session_user)
    )
    UNION ALL
    SELECT split_part(c.entry, '=', 1), substr(c.entry, strpos(c.entry, '=') + 1),
        concat_ws(' in ', 'role ' || r.rolname, 'database ' || b.datname),
        concat_ws(' IN ', 'ROLE ' || quote_ident(r.rolname), 'DATABASE ' || quote_ident(b.datname))
    FROM pg_db_role_setting AS o
    LEFT JOIN pg_database AS b ON b.oid = o.setdatabase
    LEFT JOIN pg_roles AS r ON r.oid = o.setrole
    CROSS JOIN unnest(o.setconfig) AS c (entry)
    WHERE (o.setdatabase = 0 OR b.datname = current_database())
        AND (
            o.setrole = 0
            OR pg_has_role(r.oid, to_regrole('setu_reader'), 'MEMBER')
            OR r.oid IN (
                SELECT t.relowner FROM fact AS f INNER JOIN pg_class AS t ON t.oid = f.target
            )
        )
)
SELECT 'roles_can_connect', r.name, format('does not exist, so that %s', r.needed),
    format('CREATE ROLE %I LOGIN; then setu verify', r.name)
FROM role AS r
WHERE r.oid IS NULL
UNION ALL
SELECT 'roles_can_connect', r.name, format('may not log in, so that %s', r.needed),
    format('ALTER ROLE %I LOGIN;', r.name)
FROM role AS r
WHERE NOT r.rolcanlogin
UNION ALL
SELECT 'roles_can_connect', r.name,
    format('has no right to connect to this database, so that %s', r.needed),
    format('GRANT CONNECT ON DATABASE %I TO %I;', current_database(), r.name)
FROM role AS r
WHERE r.oid IS NOT NULL AND NOT has_database_privilege(r.oid, current_database(), 'CONNECT')
UNION ALL
SELECT 'roles_can_connect', r.name, 'has a connection limit of 0',
    format('ALTER ROLE %I CONNECTION LIMIT -1;', r.name)
FROM role AS r
WHERE r.rolconnlimit = 0
UNION ALL
SELECT 'roles_can_connect', r.name,
    format('has a password that was valid until %s', r.rolvaliduntil),
    format('ALTER ROLE %I VALID UNTIL ''infinity'';', r.name)
FROM role AS r
WHERE r.rolvaliduntil < clock_timestamp()
UNION ALL
SELECT 'roles_can_connect', 'database ' || d.datname, 'lets nobody connect',
    format('ALTER DATABASE %I ALLOW_CONNECTIONS true CONNECTION LIMIT -1;', d.datname)
FROM pg_database AS d
WHERE d.datname = current_database() AND (NOT d.datallowconn OR d.datconnlimit = 0)
UNION ALL
SELECT 'roles_have_rights', j.name,
    format('has no %s on %s %s', string_agg(j.privilege, ', ' ORDER BY j.privilege), j.kind,
        j.object),
    CASE WHEN j.kind = 'columns of table'
        THEN 'setu drift, which names what to grant'
        ELSE format('GRANT %s ON %s %s TO %I;', string_agg(j.privilege, ', ' ORDER BY j.privilege),
            upper(j.kind), j.object
                || CASE WHEN j.kind = 'procedure' THEN '(integer, jsonb)' ELSE '' END, j.name)
    END
FROM checked AS j
WHERE NOT j.has
GROUP BY j.name, j.kind, j.object
UNION ALL
SELECT 'role_settings_fit', a.whose, format('has %s = %s%s', a.name, a.value, f.why),
    format('ALTER %s RESET %s;', CASE WHEN a.whose LIKE 'role %' THEN 'ROLE setu_etl'
        ELSE format('DATABASE %I', current_database()) END, a.name)
FROM at_work AS a
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN a.name = 'default_transaction_isolation' AND a.value <> 'read committed'
            THEN ', under which a load cannot set its fence'
        WHEN a.name IN ('statement_timeout', 'transaction_timeout') AND extract(EPOCH FROM CASE
                WHEN a.value ~ '^[0-9]+$' THEN a.value || ' ms' ELSE a.value END::interval
            ) BETWEEN 0.0001 AND 59
            THEN ', which ends a load before it is done'
        WHEN a.name = 'session_replication_role' AND a.value <> 'origin'
            THEN ': triggers and foreign keys do not run'
        WHEN a.name IN (
                'timescaledb.enable_transparent_decompression', 'timescaledb.enable_columnarscan',
                'timescaledb.enable_tiered_reads', 'timescaledb.enable_dml_decompression'
            ) AND a.value IN ('off', 'false', 'no', '0')
                AND a.name IN (SELECT k.name FROM known AS k)
            THEN ': what is compressed is not seen, or cannot be changed'
        WHEN a.name = 'timescaledb.skip_cagg_invalidation' AND a.value IN ('on', 'true', 'yes', '1')
                AND a.name IN (SELECT k.name FROM known AS k)
            THEN ': aggregates do not learn what a load changes'
    END
) AS f (why)
WHERE f.why IS NOT NULL
UNION ALL
SELECT DISTINCT 'stored_rows_are_seen', g.whose, format('has %s = %s: %s', g.name, g.value, w.why),
    format('ALTER %s RESET %s;', g.what, g.name)
FROM given AS g
INNER JOIN known AS k ON k.name = g.name
INNER JOIN (VALUES
    (
        'timescaledb.enable_transparent_decompression', '{off,false,no,0}'::text[],
        'rows in the column store are not seen'
    ),
    (
        'timescaledb.enable_columnarscan', '{off,false,no,0}',
        'rows in the column store are not seen'
    ),
    ('timescaledb.enable_tiered_reads', '{off,false,no,0}', 'tiered rows are not seen'),
    ('timescaledb.disable_load', '{on,true,yes,1}', 'rows of hypertables are not seen'),
    (
        'timescaledb.skip_cagg_invalidation', '{on,true,yes,1}',
        'aggregates do not learn what is changed'
    )
) AS w (name, values, why) ON w.name = g.name AND g.value = ANY (w.values)
