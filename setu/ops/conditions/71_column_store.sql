-- must chunks_are_compressed: Chunks are compressed in time
-- needs community
WITH policy AS (
    SELECT j.hypertable_schema, j.hypertable_name, (j.config ->> 'compress_after')::interval
        AS after,
        s.last_successful_finish, j.job_id
    FROM timescaledb_information.jobs AS j
    LEFT JOIN timescaledb_information.job_stats AS s ON s.job_id = j.job_id
    WHERE j.proc_name = 'policy_compression' AND j.hypertable_schema IN ('bronze', 'silver')
)
SELECT 'chunks_are_compressed', format('%s.%s', c.hypertable_schema, c.hypertable_name),
    format('has %s chunks that should be compressed, the oldest since %s',
        count(*), date_trunc('second', min(c.range_end + p.after))),
    format('CALL run_job(%s); as the deploying role, and see what it says', p.job_id)
FROM timescaledb_information.chunks AS c
INNER JOIN policy AS p
    ON p.hypertable_schema = c.hypertable_schema AND p.hypertable_name = c.hypertable_name
WHERE NOT c.is_compressed
    -- Its job has had two days since the chunk was due.
    AND greatest(c.range_end + p.after,
        c.chunk_creation_time) < clock_timestamp() - INTERVAL '2 days'
    -- A policy that never ran is new, or its job is off, which another condition reports.
    AND p.last_successful_finish > '-infinity'
GROUP BY c.hypertable_schema, c.hypertable_name, p.job_id
