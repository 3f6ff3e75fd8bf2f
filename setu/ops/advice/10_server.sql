-- asks writes_survive: Does a crash of the machine leave the database whole?
-- why writes_survive: What the server believes to be on the disk must be there when power fails
-- asks memory_is_used: Are shared_buffers and effective_cache_size made for this memory?
-- why memory_is_used: Too little memory reads chunks from the disk again and again
-- asks memory_is_bounded: Can all sessions sort at once without using up the memory?
-- why memory_is_bounded: The system ends a server that takes more memory than there is
-- asks workers_suffice: Are there background workers for the jobs and for parallel queries?
-- why workers_suffice: A job without a free worker starts late, and nobody says so
-- asks log_is_roomy: Do checkpoints come by the clock, and is the write-ahead log compressed?
-- why log_is_roomy: An early checkpoint writes whole pages anew, up to twice the log
-- asks transactions_end: Does a sink's forgotten transaction come to an end?
-- why transactions_end: The fence waits for it, and no row that came after it is loaded
-- asks plans_are_not_compiled: Is the compilation of plans off?
-- why plans_are_not_compiled: For reports it takes longer than it saves: seconds a query
-- asks locks_suffice: Is there room for the locks of all chunks?
-- why locks_suffice: A query over all chunks fails with "out of shared memory" where there is none
-- asks connections_suffice: Are connections left?
-- why connections_suffice: A sink that gets none keeps its rows
-- asks pages_are_checked: Does the server find a page that its disk has damaged?
-- why pages_are_checked: Without checksums a damaged row is read as if it were right
WITH number AS (
    SELECT
        s.name,
        CASE
            WHEN s.setting ~ '^-?[0-9]+$' THEN s.setting::numeric * CASE s.unit
                WHEN '8kB' THEN 8192
                WHEN 'kB' THEN 1024
                WHEN 'MB' THEN 1048576
                WHEN 'min' THEN 60000
                WHEN 's' THEN 1000
                ELSE 1
            END
        END AS value,
        s.setting
    FROM pg_settings AS s
),
setting AS (
    SELECT
        max(n.value) FILTER (WHERE n.name = 'shared_buffers') AS shared_buffers,
        max(n.value) FILTER (WHERE n.name = 'effective_cache_size') AS effective_cache_size,
        max(n.value) FILTER (WHERE n.name = 'work_mem') AS work_mem,
        max(n.value) FILTER (WHERE n.name = 'max_connections') AS max_connections,
        max(n.value) FILTER (WHERE n.name = 'max_worker_processes') AS processes,
        max(n.value) FILTER (WHERE n.name = 'max_parallel_workers') AS parallel,
        max(n.value) FILTER (WHERE n.name = 'timescaledb.max_background_workers') AS workers,
        max(n.value) FILTER (WHERE n.name = 'max_wal_size') AS max_wal_size,
        max(n.value) FILTER (WHERE n.name = 'checkpoint_timeout') AS checkpoint_timeout,
        max(n.value) FILTER (WHERE n.name = 'max_locks_per_transaction') AS locks,
        max(n.value) FILTER (WHERE n.name = 'max_prepared_transactions') AS prepared,
        max(n.setting) FILTER (WHERE n.name = 'wal_compression') AS wal_compression,
        max(n.setting) FILTER (WHERE n.name = 'data_checksums') AS data_checksums,
        max(n.setting) FILTER (WHERE n.name = 'jit') AS jit,
        nullif(current_setting('setu_doctor.ram'), '')::numeric AS ram
    FROM number AS n
),
server AS (
    SELECT NOT EXISTS (
        SELECT 1 FROM pg_stat_activity AS a WHERE a.pid <> pg_backend_pid()
    ) AS one_process
),
idle AS (
    -- What a new session of a sink gets: of the role in the database, else of the role, the
    -- database, the server.
    SELECT coalesce(
        (
            SELECT substr(c.entry, strpos(c.entry, '=') + 1)
            FROM pg_db_role_setting AS o
            CROSS JOIN unnest(o.setconfig) AS c (entry)
            LEFT JOIN pg_roles AS r ON r.oid = o.setrole
            LEFT JOIN pg_database AS d ON d.oid = o.setdatabase
            WHERE c.entry LIKE 'idle_in_transaction_session_timeout=%'
                AND (o.setrole = 0 OR r.rolname = 'setu_ingest')
                AND (o.setdatabase = 0 OR d.datname = current_database())
            ORDER BY (o.setrole <> 0)::integer * 2 + (o.setdatabase <> 0)::integer DESC
            LIMIT 1
        ),
        (SELECT s.reset_val FROM pg_settings AS s
            WHERE s.name = 'idle_in_transaction_session_timeout')
    ) AS value
)
SELECT 'writes_survive', 'error', 'server', format('has %s off', n.name),
    format('ALTER SYSTEM SET %s = on, and reload the server', n.name)
FROM number AS n
CROSS JOIN server AS s
WHERE n.name IN ('fsync', 'full_page_writes') AND n.setting = 'off' AND NOT s.one_process
UNION ALL
SELECT 'memory_is_used', 'advice', 'server',
    format('has shared_buffers = %s, of %s memory', pg_size_pretty(s.shared_buffers),
        pg_size_pretty(s.ram)),
    format('ALTER SYSTEM SET shared_buffers = ''%sMB'', and restart the server',
        round(s.ram / 4 / 1048576))
FROM setting AS s
WHERE s.shared_buffers NOT BETWEEN 0.15 * s.ram AND 0.5 * s.ram
UNION ALL
SELECT 'memory_is_used', 'advice', 'server',
    format('has effective_cache_size = %s, of %s memory', pg_size_pretty(s.effective_cache_size),
        pg_size_pretty(s.ram)),
    format('ALTER SYSTEM SET effective_cache_size = ''%sMB'', and reload the server',
        round(s.ram * 3 / 4 / 1048576))
FROM setting AS s
WHERE s.effective_cache_size NOT BETWEEN 0.4 * s.ram AND s.ram
UNION ALL
SELECT 'memory_is_bounded', 'warning', 'server',
    format('lets %s sessions take work_mem = %s each, of %s memory', s.max_connections,
        pg_size_pretty(s.work_mem), pg_size_pretty(s.ram)),
    format('ALTER SYSTEM SET work_mem = ''%sMB'', and reload the server',
        greatest(1, floor(s.ram / 4 / s.max_connections / 1048576)))
FROM setting AS s
WHERE s.work_mem * s.max_connections > s.ram
UNION ALL
SELECT 'workers_suffice', 'warning', 'server',
    format('has max_worker_processes = %s, for %s background workers and %s parallel ones',
        s.processes, s.workers, s.parallel),
    format('ALTER SYSTEM SET max_worker_processes = %s, and restart the server',
        3 + s.workers + s.parallel)
FROM setting AS s
CROSS JOIN server AS p
WHERE s.processes < 3 + s.workers AND NOT p.one_process
UNION ALL
SELECT 'workers_suffice', 'warning', 'server',
    format('has timescaledb.max_background_workers = %s, for %s jobs that run each five minutes '
        'or more often',
        s.workers, j.often),
    format('ALTER SYSTEM SET timescaledb.max_background_workers = %s, and restart the server',
        j.often + 3)
FROM setting AS s
CROSS JOIN server AS p
CROSS JOIN (
    SELECT count(*) AS often
    FROM timescaledb_information.jobs AS b
    WHERE b.scheduled AND b.schedule_interval <= INTERVAL '5 minutes'
) AS j
WHERE s.workers < j.often + 2 AND NOT p.one_process AND j.often > 0
UNION ALL
SELECT 'log_is_roomy', 'advice', 'server',
    format('has max_wal_size = %s', pg_size_pretty(s.max_wal_size)),
    'ALTER SYSTEM SET max_wal_size = ''4GB'', and reload the server'
FROM setting AS s
CROSS JOIN server AS p
WHERE s.max_wal_size < 2::numeric * 1073741824 AND NOT p.one_process
UNION ALL
SELECT 'log_is_roomy', 'advice', 'server',
    format('has checkpoint_timeout = %s s', round(s.checkpoint_timeout / 1000)),
    'ALTER SYSTEM SET checkpoint_timeout = ''15min'', and reload the server'
FROM setting AS s
CROSS JOIN server AS p
WHERE s.checkpoint_timeout < 600000 AND NOT p.one_process
UNION ALL
SELECT 'log_is_roomy', 'advice', 'server', 'has wal_compression off',
    'ALTER SYSTEM SET wal_compression = on, and reload the server'
FROM setting AS s
CROSS JOIN server AS p
WHERE s.wal_compression = 'off' AND NOT p.one_process
UNION ALL
SELECT 'transactions_end', 'warning', 'role setu_ingest',
    'may leave a transaction open for ever',
    format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = ''5min'';',
        current_database())
FROM idle AS i
WHERE i.value IN ('0', '0ms', '0s', '0min')
    AND EXISTS (SELECT 1 FROM pg_roles AS r WHERE r.rolname = 'setu_ingest')
UNION ALL
SELECT 'plans_are_not_compiled', 'advice', 'database ' || current_database(), 'has jit on',
    format('ALTER DATABASE %I SET jit = off;', current_database())
FROM setting AS s
WHERE s.jit = 'on' AND NOT EXISTS (
    SELECT 1
    FROM pg_db_role_setting AS o
    INNER JOIN pg_database AS d ON d.oid = o.setdatabase
    CROSS JOIN unnest(o.setconfig) AS c (entry)
    WHERE d.datname = current_database() AND o.setrole = 0 AND c.entry = 'jit=off'
)
UNION ALL
SELECT 'locks_suffice', 'warning', 'server',
    format('has room for %s locks, and a query over the %s of %s chunks needs %s',
        s.locks * (s.max_connections + s.prepared), h.chunks, h.name, h.needed),
    format('ALTER SYSTEM SET max_locks_per_transaction = %s, and restart the server',
        ceil(4.0 * h.needed / (s.max_connections + s.prepared)))
FROM setting AS s
CROSS JOIN (
    -- A chunk, its compressed part, and the indexes of both.
    SELECT format('%I.%I', c.hypertable_schema, c.hypertable_name) AS name, count(*) AS chunks,
        count(*) * 5 AS needed
    FROM timescaledb_information.chunks AS c
    GROUP BY c.hypertable_schema, c.hypertable_name
    ORDER BY 2 DESC
    LIMIT 1
) AS h
WHERE h.needed * 2 > s.locks * (s.max_connections + s.prepared)
UNION ALL
SELECT 'connections_suffice', 'warning', 'server',
    format('has %s of %s connections in use', u.used, s.max_connections),
    'ALTER SYSTEM SET max_connections, or put a pooler in session mode before it'
FROM setting AS s
CROSS JOIN (
    SELECT count(*) AS used FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend'
) AS u
WHERE u.used > 0.8 * s.max_connections
UNION ALL
SELECT 'pages_are_checked', 'advice', 'server', 'has data_checksums off',
    'pg_checksums --enable, while the server is stopped'
FROM setting AS s
CROSS JOIN server AS p
WHERE s.data_checksums = 'off' AND NOT p.one_process
