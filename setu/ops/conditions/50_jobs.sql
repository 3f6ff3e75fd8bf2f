-- needs community
-- must scheduler_runs: The scheduler of this database is at work, and may start workers
-- must jobs_exist: Each load, the retention, the roll-up, the calendar and each policy has its job
-- must jobs_are_scheduled: Each job is on the schedule; its next start is neither past nor far off
-- must jobs_can_start: Each job's owner can log in and connect, and its procedure is there
-- must jobs_succeed: No job failed at its last run, hangs, or has used up its retries
WITH server AS (
    SELECT
        -- A server of one process (the embedded one) has no scheduler; a worker stands in.
        NOT EXISTS (SELECT 1 FROM pg_stat_activity AS a WHERE a.pid <> pg_backend_pid())
            AS one_process,
        EXISTS (
            SELECT 1 FROM pg_stat_activity AS a
            WHERE a.application_name = 'TimescaleDB Background Worker Scheduler'
                AND a.datname = current_database()
        ) AS has_scheduler,
        coalesce(current_setting('timescaledb.max_background_workers', true)::integer, 0) AS workers
),
ran AS (
    -- Runs of a worker have no job.
    SELECT r.pipeline, r.started_at > clock_timestamp()
            - make_interval(secs => current_setting('setu_status.run_age')::float) AS recently,
        r.job_id IS NULL AS by_worker, r.status
    FROM _etl.v_last_run AS r
),
wanted AS (
    SELECT format('load of %s', l.pipeline) AS what, '_etl' AS proc_schema,
        'sp_load_' || l.pipeline AS proc_name, NULL::name AS hypertable_schema,
        NULL::name AS hypertable_name,
        coalesce((SELECT r.recently AND r.by_worker FROM ran AS r WHERE r.pipeline = l.pipeline),
            false)
            AS done_by_worker,
        coalesce((SELECT r.recently AND r.status = 'succeeded' FROM ran AS r
            WHERE r.pipeline = l.pipeline), false)
            AS went_well
    FROM _etl.v_pipeline_lag AS l
    UNION ALL
    SELECT 'retention of bronze', '_etl', 'sp_retain_bronze', NULL, NULL, w.recently, w.recently
    FROM (
        SELECT EXISTS (
            SELECT 1 FROM _etl.v_last_retention AS r
            WHERE r.finished_at > clock_timestamp() - INTERVAL '49 hours'
        ) AS recently
    ) AS w
    UNION ALL
    SELECT b.what, b.proc_schema, b.proc_name, NULL, NULL, b.recently AND w.works, b.recently
    FROM (
        SELECT 'roll-up of reports', 'gold', 'sp_roll_up', coalesce((
            SELECT bool_and(r.last_date >= (clock_timestamp() AT TIME ZONE 'UTC')::date - 4)
            FROM gold.rolled_up_dates AS r
        ), false)
        UNION ALL
        SELECT 'shift calendar', 'master', 'sp_extend_shift_calendar', coalesce((
            SELECT bool_and(x.last_date >= (clock_timestamp() AT TIME ZONE 'UTC')::date + 59)
            FROM master.shift_calendar_extents AS x
        ), false)
    ) AS b (what, proc_schema, proc_name, recently)
    CROSS JOIN (
        SELECT EXISTS (SELECT 1 FROM ran AS r WHERE r.recently AND r.by_worker) AS works
    ) AS w
    UNION ALL
    SELECT format('refresh of %s.%s', c.view_schema, c.view_name), '_timescaledb_functions',
        'policy_refresh_continuous_aggregate', c.view_schema, c.view_name, false, false
    FROM timescaledb_information.continuous_aggregates AS c
    WHERE c.view_schema = 'gold'
    UNION ALL
    SELECT format('column store of %s.%s', h.hypertable_schema, h.hypertable_name),
        '_timescaledb_functions', 'policy_compression', h.hypertable_schema, h.hypertable_name,
            false, false
    FROM timescaledb_information.hypertables AS h
    WHERE h.hypertable_schema IN ('bronze', 'silver') AND h.compression_enabled
    UNION ALL
    SELECT format('retention of %s.%s', j.hypertable_schema, j.hypertable_name),
        j.proc_schema, j.proc_name, j.hypertable_schema, j.hypertable_name, false, false
    FROM timescaledb_information.jobs AS j
    WHERE j.proc_name = 'policy_retention'
        AND j.hypertable_schema IN ('bronze', 'silver', 'gold', 'alerting')
    UNION ALL
    SELECT 'trimming of the job history', j.proc_schema, j.proc_name, NULL, NULL, false, false
    FROM timescaledb_information.jobs AS j
    WHERE j.proc_name = 'policy_job_stat_history_retention'
),
job AS (
    SELECT w.what, w.proc_schema, w.proc_name, w.hypertable_schema, w.hypertable_name,
        w.done_by_worker, w.went_well,
        j.job_id, j.scheduled, j.next_start, j.schedule_interval, j.max_retries,
        j.max_runtime, o.rolname AS owner, o.rolcanlogin, o.oid AS owner_id,
        s.last_run_status, s.last_run_started_at, s.last_successful_finish, s.total_failures,
            s.total_runs,
        EXISTS (
            SELECT 1 FROM pg_stat_activity AS a
            WHERE a.datname = current_database() AND a.application_name = j.application_name
        ) AS is_running
    FROM wanted AS w
    LEFT JOIN timescaledb_information.jobs AS j
        ON j.proc_name = w.proc_name
        AND j.hypertable_schema IS NOT DISTINCT FROM w.hypertable_schema
        AND j.hypertable_name IS NOT DISTINCT FROM w.hypertable_name
    LEFT JOIN timescaledb_information.job_stats AS s ON s.job_id = j.job_id
    LEFT JOIN pg_roles AS o ON o.oid = j.owner::oid
),
add_job AS (
    SELECT x.what,
        CASE x.proc_name
            WHEN 'policy_compression' THEN 'setu drift, which names the missing policy'
            WHEN 'policy_refresh_continuous_aggregate'
                THEN 'setu drift, which names the missing policy'
            ELSE 'setu drift, which names the missing job; meanwhile, setu worker'
        END AS advice
    FROM wanted AS x
)
SELECT 'scheduler_runs', 'server',
    'has no TimescaleDB scheduler for this database, so that no job starts',
    CASE WHEN s.workers < 2
        THEN 'ALTER SYSTEM SET timescaledb.max_background_workers = 16, and restart the server'
        ELSE 'SELECT _timescaledb_functions.start_background_workers(); as a superuser'
    END
FROM server AS s
WHERE NOT s.one_process AND NOT s.has_scheduler
    AND EXISTS (SELECT 1 FROM job AS j WHERE j.scheduled AND NOT j.done_by_worker)
UNION ALL
SELECT 'jobs_exist', j.what, 'has no job', a.advice
FROM job AS j INNER JOIN add_job AS a ON a.what = j.what
WHERE j.job_id IS NULL AND NOT j.done_by_worker
UNION ALL
SELECT 'jobs_exist', j.what, format('has %s jobs, which run against each other', count(*)),
    format('SELECT delete_job(%s);', max(j.job_id))
FROM job AS j
WHERE j.job_id IS NOT NULL
GROUP BY j.what
HAVING count(*) > 1
UNION ALL
SELECT 'jobs_are_scheduled', j.what, format('is off the schedule (job %s)', j.job_id),
    format('SELECT alter_job(%s, scheduled => true);', j.job_id)
FROM job AS j
WHERE NOT j.scheduled AND NOT j.done_by_worker
UNION ALL
SELECT 'jobs_are_scheduled', j.what,
    CASE WHEN j.next_start = 'infinity' THEN format('never starts again (job %s)', j.job_id)
        ELSE format('starts next at %s only (job %s)', date_trunc('second', j.next_start),
            j.job_id) END,
    format('SELECT alter_job(%s, next_start => now());', j.job_id)
FROM job AS j
WHERE j.scheduled AND NOT j.done_by_worker
    AND j.next_start > clock_timestamp() + 2 * j.schedule_interval + INTERVAL '27 hours'
        * CASE WHEN j.schedule_interval >= INTERVAL '1 day' THEN 1
            ELSE 0 END + INTERVAL '10 minutes'
UNION ALL
SELECT 'jobs_are_scheduled', j.what,
    CASE
        WHEN j.last_run_started_at > '-infinity' AND j.next_start = '-infinity'
            THEN format('hangs: it began at %s, and no worker has it any more (job %s)',
                date_trunc('second', j.last_run_started_at), j.job_id)
        ELSE format('should have started at %s (job %s)', date_trunc('second', j.next_start),
            j.job_id)
    END,
    format('SELECT alter_job(%s, next_start => now()); if it stays so, background workers are '
        'short: see timescaledb.max_background_workers', j.job_id)
FROM job AS j CROSS JOIN server AS s
WHERE j.scheduled AND NOT j.done_by_worker AND NOT s.one_process AND NOT j.is_running
    AND s.has_scheduler
    AND j.next_start < clock_timestamp() - INTERVAL '5 minutes'
    -- The scheduler sets it to minus infinity while the job runs, and when the scheduler restarts.
    AND (j.next_start > '-infinity' OR coalesce(nullif(j.last_run_started_at, '-infinity'),
        '2000-01-01'::timestamptz) < clock_timestamp() - INTERVAL '5 minutes')
UNION ALL
SELECT 'jobs_can_start', j.what,
    CASE
        WHEN NOT j.rolcanlogin
            THEN format('belongs to %s, which may not log in (job %s)', j.owner, j.job_id)
        WHEN j.owner IS NULL THEN format('belongs to no role (job %s)', j.job_id)
        ELSE format('belongs to %s, which may not connect to this database (job %s)', j.owner,
            j.job_id)
    END,
    CASE WHEN NOT j.rolcanlogin THEN format('ALTER ROLE %I LOGIN;', j.owner)
        ELSE format('GRANT CONNECT ON DATABASE %I TO %I;', current_database(), j.owner) END
FROM job AS j
WHERE j.job_id IS NOT NULL
    AND (j.owner IS NULL OR NOT j.rolcanlogin
        OR NOT has_database_privilege(j.owner_id, current_database(), 'CONNECT'))
UNION ALL
SELECT 'jobs_can_start', j.what,
    format('calls %s.%s, which is not there (job %s)', j.proc_schema, j.proc_name, j.job_id),
    'setu drift, which names what is missing'
FROM job AS j
WHERE j.job_id IS NOT NULL AND j.proc_schema IN ('_etl', 'gold', 'master')
    AND NOT EXISTS (
        SELECT 1 FROM pg_proc AS p
        INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = j.proc_schema AND p.proname = j.proc_name
    )
UNION ALL
SELECT 'jobs_succeed', j.what,
    format('failed at its last run, %s times in all (job %s)', j.total_failures, j.job_id),
    format('SELECT err_message FROM timescaledb_information.job_errors WHERE job_id = %s ORDER '
        'BY finish_time DESC LIMIT 1;', j.job_id)
FROM job AS j
WHERE j.last_run_status = 'Failed' AND NOT j.is_running
    -- The log of a load decides; some pairs of versions count successful runs as failed.
    AND NOT j.went_well
    AND current_setting('setu_status.job_stats_hold')::boolean
UNION ALL
SELECT 'jobs_succeed', j.what,
    format('may fail %s times, and then leaves the schedule for good (job %s)', j.max_retries,
        j.job_id),
    format('SELECT alter_job(%s, max_retries => -1);', j.job_id)
FROM job AS j
WHERE j.max_retries >= 0
UNION ALL
SELECT 'jobs_succeed', j.what,
    format('runs since %s (job %s)', date_trunc('second', j.last_run_started_at), j.job_id),
    'SELECT pid, wait_event_type, query FROM pg_stat_activity WHERE application_name LIKE ''%['
        || j.job_id::text || ']'';'
FROM job AS j
WHERE j.is_running
    AND j.last_run_started_at < clock_timestamp()
        - greatest(2 * j.max_runtime, INTERVAL '6 hours' * CASE WHEN j.max_runtime > INTERVAL '0'
            THEN 0 ELSE 1 END)
