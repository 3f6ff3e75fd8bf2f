-- must old_chunks_go: No bronze chunk outlives its retention, but those whose rows are not loaded
-- must logs_are_trimmed: The run log and the record of fed files are trimmed
-- needs _etl.v_kept_chunks
WITH retention AS (
    SELECT coalesce((
        SELECT (j.config ->> 'drop_after')::interval
        FROM timescaledb_information.jobs AS j
        WHERE j.proc_schema = '_etl' AND j.proc_name = 'sp_retain_bronze'
        LIMIT 1
    ), INTERVAL '30 days') AS drop_after
),
last AS (
    SELECT max(r.finished_at) AS finished_at FROM _etl.v_last_retention AS r
)
SELECT 'old_chunks_go', k.pipeline,
    format('keeps a chunk of before %s: %s', date_trunc('second', k.range_end),
        CASE k.reason
            WHEN 'not loaded' THEN 'rows in it are not loaded'
            WHEN 'locked' THEN format('somebody has it locked at each attempt since %s',
                date_trunc('second', k.first_kept_at))
            ELSE replace(k.reason, E'\n', '; ')
        END),
    CASE k.reason
        WHEN 'not loaded' THEN 'See why its pipeline does not come to them: setu status --all'
        WHEN 'locked' THEN format('SELECT pid, usename, query FROM pg_stat_activity WHERE pid '
            'IN (SELECT pid FROM pg_locks WHERE relation = %L::regclass);', k.chunk)
        ELSE format('Remove what is in the way of %s; the next run drops it', k.chunk)
    END
FROM _etl.v_kept_chunks AS k
WHERE k.reason <> 'locked' OR k.first_kept_at < clock_timestamp() - INTERVAL '2 days'
UNION ALL
SELECT 'old_chunks_go', format('%s.%s', c.hypertable_schema, c.hypertable_name),
    format('has %s chunks older than %s, the oldest of before %s', count(*), r.drop_after,
        min(c.range_end)),
    'CALL _etl.sp_retain_bronze(NULL, ''{}''); as the deploying role'
FROM timescaledb_information.chunks AS c
CROSS JOIN retention AS r
CROSS JOIN last AS l
WHERE c.hypertable_schema = 'bronze'
    -- Two runs have passed. A database upgraded today had none.
    AND c.range_end < least(clock_timestamp() - INTERVAL '2 days', l.finished_at) - r.drop_after
    AND NOT EXISTS (
        SELECT 1 FROM _etl.v_kept_chunks AS k
        WHERE k.chunk = format('%I.%I', c.chunk_schema, c.chunk_name)
    )
GROUP BY c.hypertable_schema, c.hypertable_name, r.drop_after
UNION ALL
SELECT 'logs_are_trimmed', 'retention of bronze',
    format('came to its end last at %s', date_trunc('second', l.finished_at)),
    'CALL _etl.sp_retain_bronze(NULL, ''{}''); as the deploying role, and see what it says'
FROM last AS l
WHERE l.finished_at < clock_timestamp() - INTERVAL '49 hours'
UNION ALL
SELECT 'logs_are_trimmed', 'retention of bronze',
    'has never run, and no job of it is due within a day',
    'CALL _etl.sp_retain_bronze(NULL, ''{}''); as the deploying role, or setu worker as that role'
FROM last AS l
WHERE l.finished_at IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM timescaledb_information.jobs AS j
        WHERE j.proc_schema = '_etl' AND j.proc_name = 'sp_retain_bronze' AND j.scheduled
            AND EXISTS (SELECT 1 FROM pg_stat_activity AS a WHERE a.pid <> pg_backend_pid())
            AND j.next_start < clock_timestamp() + INTERVAL '27 hours'
    )
