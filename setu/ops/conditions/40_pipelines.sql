-- must pipelines_are_enabled: Every pipeline is enabled
-- must pipelines_run: Every pipeline ran a short while ago, or its job is about to start
-- must runs_succeed: The last run came to its end, and few runs of the day failed
-- must pipelines_keep_up: No row waits for long
-- must fence_moves: No open transaction holds up the rows that came after it for long
-- must rows_are_accepted: Most of the day's rows were loaded; rejected ones do not pile up
WITH limits AS (
    SELECT
        current_setting('setu_status.run_age')::float AS run_age,
        current_setting('setu_status.lag')::float AS lag,
        current_setting('setu_status.error_rate')::float AS error_rate,
        current_setting('setu_status.reject_rate')::float AS reject_rate
),
job AS (
    SELECT substr(j.proc_name, 9) AS pipeline, j.job_id, j.scheduled, j.next_start
    FROM timescaledb_information.jobs AS j
    WHERE j.proc_schema = '_etl' AND j.proc_name LIKE 'sp_load_%'
),
pipeline AS (
    SELECT l.pipeline, l.enabled, l.rows_behind, l.seconds_behind, l.held_up_by,
        l.fence_age_seconds,
        r.status, r.started_at, r.seconds, r.error,
        extract(EPOCH FROM clock_timestamp() - r.started_at) AS age,
        e.runs, e.runs_failed, e.rows_read, e.rows_rejected, e.rows_rejected_waiting,
        EXISTS (
            SELECT 1 FROM job AS j
            WHERE j.pipeline = l.pipeline AND j.scheduled
                -- A server of one process has no scheduler that would start it.
                AND EXISTS (SELECT 1 FROM pg_stat_activity AS a WHERE a.pid <> pg_backend_pid())
                AND j.next_start BETWEEN clock_timestamp() - INTERVAL '5 minutes'
                    AND clock_timestamp() + INTERVAL '5 minutes'
        ) AS is_due,
        EXISTS (SELECT 1 FROM job AS j WHERE j.pipeline = l.pipeline) AS has_job
    FROM _etl.v_pipeline_lag AS l
    LEFT JOIN _etl.v_last_run AS r ON r.pipeline = l.pipeline
    LEFT JOIN _etl.v_error_rate AS e ON e.pipeline = l.pipeline
)
SELECT 'pipelines_are_enabled', p.pipeline, 'is disabled',
    format('UPDATE _etl.watermarks SET enabled = true WHERE pipeline = %L;', p.pipeline)
FROM pipeline AS p
WHERE NOT p.enabled
UNION ALL
SELECT 'pipelines_run', p.pipeline,
    CASE
        WHEN p.started_at IS NULL AND p.runs > 0
            THEN 'ran last at a time that is yet to come: the clock of the server went back'
        WHEN p.started_at IS NULL THEN 'has never run'
        ELSE format('last ran %s ago', age.words) END,
    CASE WHEN p.has_job
        THEN format('SELECT * FROM timescaledb_information.job_errors WHERE proc_name = %L; '
            'meanwhile, setu worker', 'sp_load_' || p.pipeline)
        ELSE 'setu worker' END
FROM pipeline AS p
CROSS JOIN limits AS m
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN p.age < 600 THEN format('%s s', round(p.age))
        WHEN p.age < 36000 THEN format('%s min', round(p.age / 60))
        WHEN p.age < 864000 THEN format('%s h', round(p.age / 3600))
        ELSE format('%s days', round(p.age / 86400)) END AS words
) AS age
WHERE p.enabled
    AND (p.started_at IS NULL AND NOT p.is_due OR p.age > m.run_age)
UNION ALL
SELECT 'runs_succeed', p.pipeline,
    format('failed at its last run: %s', split_part(coalesce(p.error, 'no message'), E'\n', 1)),
    'Correct the cause; the next run starts at the same id, nothing is lost'
FROM pipeline AS p
WHERE p.enabled AND p.status = 'failed'
UNION ALL
SELECT 'runs_succeed', p.pipeline, format('has been running for %s min', round(p.seconds / 60)),
    'SELECT pid, query FROM pg_stat_activity WHERE application_name LIKE ''%Action%''; see what '
        'it waits for'
FROM pipeline AS p
WHERE p.enabled AND p.status = 'running' AND p.seconds > 900
UNION ALL
SELECT 'runs_succeed', p.pipeline, format('failed %s of %s runs in a day', p.runs_failed, p.runs),
    format('SELECT started_at, error FROM _etl.job_runs WHERE pipeline = %L AND status <> '
        '''succeeded'' ORDER BY 1 DESC LIMIT 20;', p.pipeline)
FROM pipeline AS p CROSS JOIN limits AS m
WHERE p.enabled AND p.runs > 0 AND p.runs_failed::float / p.runs > m.error_rate
UNION ALL
SELECT 'pipelines_keep_up', p.pipeline,
    format('is %s rows and %s behind', to_char(p.rows_behind, 'FM999,999,999,999'),
        CASE WHEN p.seconds_behind < 36000 THEN format('%s min', round(p.seconds_behind / 60))
            ELSE format('%s h', round(p.seconds_behind / 3600)) END),
    format('See how long its runs take: setu status --all; UPDATE _etl.watermarks SET '
        'batch_size = 200000 WHERE pipeline = %L;', p.pipeline)
FROM pipeline AS p CROSS JOIN limits AS m
WHERE p.enabled AND p.seconds_behind > m.lag AND p.held_up_by IS NULL
    -- Payloads that v1 had waiting keep their age; the first run is about to take them.
    AND NOT (p.started_at IS NULL AND p.is_due)
UNION ALL
SELECT 'fence_moves', p.pipeline, format('is held up by %s', h.who),
    CASE WHEN h.who LIKE 'pid %'
        THEN format('SELECT pg_terminate_backend(%s);', substring(h.who FROM '^pid (\d+)'))
        ELSE format('COMMIT PREPARED or ROLLBACK PREPARED %L',
            substring(h.who FROM '^prepared transaction (.*) of '))
    END
FROM pipeline AS p
CROSS JOIN limits AS m
CROSS JOIN LATERAL unnest(string_to_array(p.held_up_by, '; ')) AS h (who)
WHERE p.enabled
    AND clock_timestamp() - nullif(substring(h.who FROM ' since (.*)$'), '')::timestamptz
        > make_interval(secs => m.lag)
UNION ALL
SELECT 'rows_are_accepted', p.pipeline,
    format('rejected %s of %s rows in a day, and %s wait, most as %s',
        to_char(p.rows_rejected, 'FM999,999,999,999'), to_char(p.rows_read, 'FM999,999,999,999'),
        to_char(p.rows_rejected_waiting, 'FM999,999,999,999'), w.reason_code),
    format('setu rejects list %s', p.pipeline)
FROM pipeline AS p
CROSS JOIN limits AS m
CROSS JOIN LATERAL (
    SELECT r.reason_code
    FROM _etl.v_rejects_by_reason AS r
    WHERE r.pipeline = p.pipeline
    ORDER BY r.rows_waiting DESC, r.reason_code
    LIMIT 1
) AS w
WHERE p.rows_read > 0 AND p.rows_rejected_waiting >= 10
    AND p.rows_rejected_waiting::float / p.rows_read > m.reject_rate
UNION ALL
SELECT 'rows_are_accepted', r.pipeline,
    format('has %s rejected rows waiting; beyond a million the oldest are discarded',
        to_char(sum(r.rows_waiting), 'FM999,999,999,999')),
    format('setu rejects list %s', r.pipeline)
FROM _etl.v_rejects_by_reason AS r
GROUP BY r.pipeline
HAVING sum(r.rows_waiting) > 800000
