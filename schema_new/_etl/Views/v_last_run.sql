-- New: the last run of each pipeline, from its own log.
CREATE VIEW _etl.v_last_run AS
SELECT
    r.pipeline, r.status, r.started_at, r.finished_at,
    round(extract(EPOCH FROM coalesce(r.finished_at, clock_timestamp()) - r.started_at), 3)
        AS seconds,
    r.from_id, r.to_id, r.rows_read, r.rows_loaded, r.rows_merged, r.rows_rejected, r.rows_late,
    r.batches, r.error, r.job_id
FROM _etl.watermarks AS w
CROSS JOIN LATERAL (
    SELECT
        j.pipeline, j.status, j.started_at, j.finished_at, j.from_id, j.to_id, j.rows_read,
        j.rows_loaded, j.rows_merged, j.rows_rejected, j.rows_late, j.batches, j.error, j.job_id
    FROM _etl.job_runs AS j
    -- A run of a time that is yet to come, since the clock went back, would hide all that follow.
    WHERE j.pipeline = w.pipeline AND j.started_at <= clock_timestamp()
    ORDER BY j.started_at DESC, j.run_id DESC
    LIMIT 1
) AS r;

COMMENT ON VIEW _etl.v_last_run IS
    'The last run of each pipeline; no job_id: a worker or a person called it';
GRANT SELECT ON _etl.v_last_run TO setu_etl, setu_reader;
