-- The facts that the rules about the server need, as one row. Names of roles and databases are as a
-- statement has them.
WITH me AS (
    SELECT r.oid, r.rolname, r.rolsuper, r.rolcreaterole
    FROM pg_roles AS r
    WHERE r.rolname = current_user
),
-- The role that the steps run as; see setu/db/acting_role.py.
acting AS (
    SELECT r.oid, r.rolname, r.rolsuper, r.rolcanlogin
    FROM pg_roles AS r
    WHERE r.rolname = coalesce(nullif(current_setting('setu.owner', true), ''), current_user)
),
-- A role that may not see other sessions sees no backend_type either.
other_session AS (
    SELECT a.pid, a.backend_type, a.datname, a.xact_start, a.usename, a.application_name, a.state
    FROM pg_stat_activity AS a
    WHERE a.pid <> pg_backend_pid()
),
-- Settings under which rows are there and not seen. What roles are set to precedes the database.
hiding AS (
    SELECT w.name, g.value, g.whose
    FROM (VALUES
        ('timescaledb.enable_transparent_decompression', '{off,false,no,0}'::text[]),
        ('timescaledb.enable_columnarscan', '{off,false,no,0}'),
        ('timescaledb.enable_tiered_reads', '{off,false,no,0}'),
        ('timescaledb.disable_load', '{on,true,yes,1}'),
        ('timescaledb.skip_cagg_invalidation', '{on,true,yes,1}')
    ) AS w (name, values)
    CROSS JOIN LATERAL (
        SELECT substr(c.entry, strpos(c.entry, '=') + 1) AS value,
            concat_ws(
                ' IN ', 'ROLE ' || quote_ident(r.rolname), 'DATABASE ' || quote_ident(b.datname)
            ) AS whose
        FROM pg_db_role_setting AS o
        LEFT JOIN pg_database AS b ON b.oid = o.setdatabase
        LEFT JOIN pg_roles AS r ON r.oid = o.setrole
        CROSS JOIN unnest(o.setconfig) AS c (entry)
        WHERE split_part(c.entry, '=', 1) = w.name
            AND (o.setdatabase = 0 OR b.datname = current_database())
            AND (o.setrole = 0 OR o.setrole IN ((SELECT m.oid FROM me AS m),
                (SELECT a.oid FROM acting AS a)))
        UNION ALL
        SELECT s.reset_val, 'SYSTEM' FROM pg_settings AS s WHERE s.name = w.name
    ) AS g
    -- One that this version does not know has no effect; up to 2.24, the second is of plans only.
    WHERE g.value = ANY (w.values)
        AND EXISTS (SELECT 1 FROM pg_settings AS s WHERE s.name = w.name)
        AND (
            w.name <> 'timescaledb.enable_columnarscan' OR NOT EXISTS (
                SELECT 1 FROM pg_settings AS s
                WHERE s.name = 'timescaledb.enable_transparent_decompression'
            )
        )
),
foreign_object AS (
    SELECT c.oid::regclass::text || ' (owner ' || quote_ident(pg_get_userbyid(c.relowner)) || ')'
        AS label
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY (current_setting('setu_catalog.schemas')::text[])
        AND c.relkind IN ('r', 'p', 'v', 'm')
        AND NOT pg_has_role((SELECT a.oid FROM acting AS a), c.relowner, 'USAGE')
    UNION ALL
    SELECT p.oid::regprocedure::text || ' (owner ' || quote_ident(pg_get_userbyid(p.proowner))
        || ')'
    FROM pg_proc AS p
    INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = ANY (current_setting('setu_catalog.schemas')::text[])
        AND NOT pg_has_role((SELECT a.oid FROM acting AS a), p.proowner, 'USAGE')
)
SELECT jsonb_build_object(
    'version_number', current_setting('server_version_num')::integer,
    'version', split_part(current_setting('server_version'), ' ', 1),
    'database', quote_ident(current_database()),
    'role', quote_ident(me.rolname),
    'encoding', current_setting('server_encoding'),
    'superuser', me.rolsuper,
    'may_create_roles', me.rolcreaterole,
    'owner', quote_ident(acting.rolname),
    'owner_may_log_in', acting.rolcanlogin,
    'may_create_in_database', has_database_privilege(acting.oid, current_database(), 'CREATE'),
    'public_may_connect', EXISTS (
        SELECT
        FROM pg_database AS d
        CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
        WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'CONNECT'
    ),
    'database_owner', (
        SELECT quote_ident(pg_get_userbyid(d.datdba))
        FROM pg_database AS d WHERE d.datname = current_database()
    ),
    'may_grant_connect', has_database_privilege(
        me.oid, current_database(), 'CONNECT WITH GRANT OPTION'
    ),
    'public_may_use_extension', EXISTS (
        SELECT
        FROM pg_extension AS e
        INNER JOIN pg_namespace AS n ON n.oid = e.extnamespace
        CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
        WHERE e.extname = 'timescaledb' AND a.grantee = 0 AND a.privilege_type = 'USAGE'
    ),
    'may_grant_extension', coalesce((
        SELECT has_schema_privilege(me.oid, e.extnamespace, 'USAGE WITH GRANT OPTION')
        FROM pg_extension AS e
        WHERE e.extname = 'timescaledb'
    ), true),
    'roles_without_login', (
        SELECT coalesce(jsonb_agg(r.rolname ORDER BY r.rolname), '[]')
        FROM pg_roles AS r
        WHERE r.rolname IN ('setu_ingest', 'setu_etl') AND NOT r.rolcanlogin
    ),
    'event_triggers', (
        SELECT coalesce(jsonb_agg(
            format('%I on %s, calls %s', t.evtname, t.evtevent, t.evtfoid::regproc)
                ORDER BY t.evtname
        ), '[]')
        FROM pg_event_trigger AS t
        WHERE t.evtenabled <> 'D' AND NOT EXISTS (
            SELECT FROM pg_depend AS d
            WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'e'
        )
    ),
    'replication_role', current_setting('session_replication_role'),
    'hiding_settings', (
        SELECT coalesce(jsonb_agg(
            format('ALTER %s SET %s = %s', h.whose, h.name, h.value) ORDER BY h.whose, h.name
        ), '[]')
        FROM hiding AS h
        -- A session begins with what its role or database is set to.
        WHERE h.whose <> 'SYSTEM' OR NOT EXISTS (
            SELECT 1 FROM hiding AS o WHERE o.name = h.name AND o.whose <> 'SYSTEM'
        )
    ),
    'extension_schema', (
        SELECT n.nspname
        FROM pg_extension AS e
        INNER JOIN pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'timescaledb'
    ),
    -- What the owner's new objects would be granted by default. PUBLIC's own EXECUTE and USAGE of
    -- code and types are taken from it by the steps.
    'default_grants', (
        SELECT coalesce(jsonb_agg(
            format(
                'ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE %s ON %s FROM %s',
                pg_get_userbyid(d.defaclrole), ' IN SCHEMA ' || quote_ident(n.nspname),
                a.privilege_type,
                CASE d.defaclobjtype
                    WHEN 'r' THEN 'TABLES'
                    WHEN 'S' THEN 'SEQUENCES'
                    WHEN 'f' THEN 'FUNCTIONS'
                    WHEN 'n' THEN 'SCHEMAS'
                    ELSE 'TYPES'
                END,
                CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
            )
            ORDER BY d.oid, a.privilege_type
        ), '[]')
        FROM pg_default_acl AS d
        LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
        CROSS JOIN LATERAL aclexplode(d.defaclacl) AS a
        WHERE d.defaclrole = acting.oid AND a.grantee <> acting.oid
            AND (n.oid IS NULL OR n.nspname = ANY (
                current_setting('setu_catalog.schemas')::text[]
            ))
            -- Code in master that runs as its owner would be anybody's.
            AND CASE WHEN a.grantee = 0 THEN d.defaclobjtype IN ('r', 'S', 'n')
                ELSE d.defaclobjtype = 'f' AND coalesce(n.nspname, 'master') = 'master' END
    ),
    -- A function of fixed arguments is chosen before one of PostgreSQL's that takes any number.
    'mistakable_functions', (
        SELECT coalesce(jsonb_agg(p.oid::regprocedure::text ORDER BY p.oid), '[]')
        FROM pg_proc AS p
        INNER JOIN pg_extension AS e
            ON e.extnamespace = p.pronamespace AND e.extname = 'timescaledb'
        WHERE p.provariadic = 0
            AND EXISTS (
                SELECT FROM pg_proc AS b
                WHERE b.pronamespace = 'pg_catalog'::regnamespace AND b.proname = p.proname
                    AND b.provariadic <> 0
            )
            AND NOT EXISTS (
                SELECT FROM pg_depend AS d
                WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
            )
    ),
    'in_recovery', pg_is_in_recovery(),
    'read_only', current_setting('default_transaction_read_only')::boolean,
    'timescaledb', (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'timescaledb'),
    'timescaledb_available', (
        SELECT e.default_version FROM pg_available_extensions AS e WHERE e.name = 'timescaledb'
    ),
    'loader', current_setting('timescaledb.max_background_workers', true) IS NOT NULL,
    'license', current_setting('timescaledb.license', true),
    'max_connections', current_setting('max_connections')::integer,
    'reserved_connections', current_setting('superuser_reserved_connections')::integer,
    'used_connections', (
        SELECT count(*) + 1 FROM other_session AS o WHERE o.backend_type = 'client backend'
    ),
    'sees_sessions', me.rolsuper OR pg_has_role('pg_read_all_stats', 'USAGE'),
    'scheduler', EXISTS (
        SELECT FROM other_session AS o WHERE o.backend_type LIKE 'TimescaleDB%Launcher%'
    ),
    'one_session', NOT EXISTS (
        SELECT FROM other_session AS o WHERE o.backend_type = 'checkpointer'
    ),
    'job_workers', current_setting('timescaledb.max_background_workers', true)::integer,
    'worker_processes', current_setting('max_worker_processes')::integer,
    'prepared', (
        SELECT coalesce(jsonb_agg(
            format('%s, prepared %s by %s', x.gid, date_trunc('second', x.prepared), x.owner)
            ORDER BY x.prepared
        ), '[]')
        FROM pg_prepared_xacts AS x
        WHERE x.database = current_database() AND x.prepared < now() - INTERVAL '1 hour'
    ),
    'long_transactions', (
        SELECT coalesce(jsonb_agg(
            format(
                'pid %s: %s, %s, for %s',
                o.pid, o.usename, coalesce(nullif(o.application_name, ''), 'no name'),
                date_trunc('second', clock_timestamp() - o.xact_start)
            )
            ORDER BY o.xact_start
        ), '[]')
        FROM other_session AS o
        WHERE o.datname = current_database()
            AND o.backend_type = 'client backend'
            AND o.xact_start < now() - INTERVAL '5 minutes'
    ),
    'foreign_objects', (
        SELECT coalesce(jsonb_agg(f.label ORDER BY f.label), '[]') FROM foreign_object AS f
    ),
    'roles_out_of_reach', (
        SELECT coalesce(jsonb_agg(r.rolname ORDER BY r.rolname), '[]')
        FROM pg_roles AS r
        WHERE r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader', 'setu_admin')
            AND NOT pg_has_role(r.oid, CASE
                WHEN current_setting('server_version_num')::integer < 160000 THEN 'MEMBER'
                ELSE 'MEMBER WITH ADMIN OPTION'
            END)
    )
)
FROM me
CROSS JOIN acting
