-- must server_takes_writes: The server takes writes: no standby, nothing read-only by default
-- must hypertables_are_at_work: timescaledb.restoring is off for the server, the database and roles
-- must edition_fits: The server runs the edition that the deployed jobs and aggregates need
-- must transaction_ids_left: Transaction ids are far from their end
-- must autovacuum_works: Autovacuum runs, or tables and the commit log only grow
-- must log_is_recycled: Neither a replication slot nor the archiver keeps the write-ahead log
-- must no_transaction_is_forgotten: No prepared transaction is left behind for over an hour
-- must room_on_disk: The disk of the database has room left (where it can be seen)
WITH setting AS (
    -- The settings of a new session: this one has its own, and so may its role.
    SELECT s.name, s.reset_val AS value, 'the server' AS whose, 'SYSTEM' AS what
    FROM pg_settings AS s
    WHERE s.source <> 'client' AND NOT EXISTS (
        SELECT 1
        FROM pg_db_role_setting AS o
        LEFT JOIN pg_database AS d ON d.oid = o.setdatabase
        LEFT JOIN pg_roles AS r ON r.oid = o.setrole
        CROSS JOIN unnest(o.setconfig) AS c (entry)
        WHERE split_part(c.entry, '=', 1) = s.name
            AND (o.setdatabase = 0 OR d.datname = current_database())
            AND (o.setrole = 0 OR r.rolname = session_user)
    )
    UNION ALL
    SELECT
        split_part(c.entry, '=', 1), substr(c.entry, strpos(c.entry, '=') + 1),
        concat_ws(' in ', 'role ' || r.rolname, 'database ' || d.datname),
        concat_ws(' IN ', 'ROLE ' || quote_ident(r.rolname), 'DATABASE ' || quote_ident(d.datname))
    FROM pg_db_role_setting AS o
    LEFT JOIN pg_database AS d ON d.oid = o.setdatabase
    LEFT JOIN pg_roles AS r ON r.oid = o.setrole
    CROSS JOIN unnest(o.setconfig) AS c (entry)
    WHERE (o.setdatabase = 0 OR d.datname = current_database())
        AND (o.setrole = 0 OR r.rolname IN ('setu_ingest', 'setu_etl'))
),
slot AS (
    SELECT p.slot_name,
        CASE WHEN NOT pg_is_in_recovery()
            THEN pg_wal_lsn_diff(pg_current_wal_lsn(), p.restart_lsn) END
            AS kept_bytes
    FROM pg_replication_slots AS p
    WHERE NOT p.active AND p.restart_lsn IS NOT NULL
)
SELECT 'server_takes_writes', 'server', 'is a standby and takes no rows',
    'Point the sinks, the worker and DATABASE_URL at the primary'
WHERE pg_is_in_recovery()
UNION ALL
SELECT DISTINCT 'server_takes_writes', s.whose, 'has default_transaction_read_only on',
    format('ALTER %s RESET default_transaction_read_only%s', s.what,
        CASE WHEN s.what = 'SYSTEM' THEN ', and reload the server' ELSE ';' END)
FROM setting AS s
WHERE s.name = 'default_transaction_read_only' AND s.value IN ('on', 'true', 'yes', '1')
UNION ALL
SELECT DISTINCT 'hypertables_are_at_work', s.whose,
    'has timescaledb.restoring on: rows go where no query finds them, and no job runs',
    'SELECT timescaledb_post_restore();'
FROM setting AS s
WHERE s.name = 'timescaledb.restoring' AND s.value IN ('on', 'true', 'yes', '1')
UNION ALL
SELECT DISTINCT 'edition_fits', 'server',
    'runs the Apache edition, and this database has jobs of the community edition',
    'ALTER SYSTEM SET timescaledb.license = ''timescale'', and restart the server'
FROM setting AS s
WHERE s.name = 'timescaledb.license' AND s.value = 'apache'
    AND EXISTS (
        SELECT 1 FROM timescaledb_information.jobs AS j
        WHERE j.proc_schema = '_etl' OR j.proc_name IN ('policy_compression', 'policy_retention')
    )
UNION ALL
SELECT 'transaction_ids_left', 'database ' || d.datname,
    format('is %s million transactions from the stop of all writes',
        ((2147483647 - a.age) / 1000000)::text),
    'VACUUM (FREEZE) as owner in that database; see why autovacuum does not keep up'
FROM pg_database AS d
-- An unset id, as on the embedded server, has the greatest possible age.
CROSS JOIN LATERAL (
    SELECT greatest(
        nullif(age(d.datfrozenxid), 2147483647), nullif(mxid_age(d.datminmxid), 2147483647)
    ) AS age
) AS a
WHERE a.age > current_setting('setu_status.transaction_ids')::bigint
UNION ALL
SELECT DISTINCT 'autovacuum_works', s.whose, format('has %s off', s.name),
    CASE WHEN s.what = 'SYSTEM'
        THEN format('ALTER SYSTEM SET %s = on, and reload the server', s.name)
        ELSE format('ALTER %s RESET %s;', s.what, s.name)
    END
FROM setting AS s
WHERE s.name IN ('autovacuum', 'track_counts') AND s.value = 'off'
UNION ALL
SELECT 'log_is_recycled', 'replication slot ' || s.slot_name,
    format('nobody reads it, and it keeps %s of the write-ahead log', pg_size_pretty(s.kept_bytes)),
    format('Start its reader again, or SELECT pg_drop_replication_slot(%L);', s.slot_name)
FROM slot AS s
WHERE s.kept_bytes > current_setting('setu_status.slot_bytes')::bigint
UNION ALL
SELECT 'log_is_recycled', 'archiver',
    format('fails since %s, and the write-ahead log is kept for it', a.last_failed_time),
    'See archive_command in the server''s log'
FROM pg_stat_archiver AS a
WHERE a.last_failed_time > coalesce(a.last_archived_time, '-infinity')
    AND current_setting('archive_mode') <> 'off'
UNION ALL
SELECT 'no_transaction_is_forgotten', 'prepared transaction ' || p.gid,
    format('is open since %s: it holds locks and rows, and maybe the fence', p.prepared),
    format('COMMIT PREPARED %L; or ROLLBACK PREPARED %L; as %s', p.gid, p.gid, p.owner)
FROM pg_prepared_xacts AS p
WHERE p.database = current_database()
    AND p.prepared < clock_timestamp()
        - make_interval(secs => current_setting('setu_status.prepared_age')::float)
