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
COMMENT ON COLUMN _etl.v_last_run.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.v_last_run.status IS 'running, succeeded, failed or interrupted';
COMMENT ON COLUMN _etl.v_last_run.started_at IS 'When the run began';
COMMENT ON COLUMN _etl.v_last_run.finished_at IS 'When the run ended; null while it lasts';
COMMENT ON COLUMN _etl.v_last_run.seconds IS 'Seconds from start to end, until now while it lasts';
COMMENT ON COLUMN _etl.v_last_run.from_id IS 'The run began after this bronze id';
COMMENT ON COLUMN _etl.v_last_run.to_id IS 'The run went up to this bronze id';
COMMENT ON COLUMN _etl.v_last_run.rows_read IS 'Bronze rows of the run: loaded, merged or rejected';
COMMENT ON COLUMN _etl.v_last_run.rows_loaded IS 'Rows that made a new row of silver';
COMMENT ON COLUMN _etl.v_last_run.rows_merged IS 'Rows whose key silver had already';
COMMENT ON COLUMN _etl.v_last_run.rows_rejected IS 'Rows that went to the rejects';
COMMENT ON COLUMN _etl.v_last_run.rows_late IS
    'Of rows_read: those that the bound on arrival time excludes';
COMMENT ON COLUMN _etl.v_last_run.batches IS 'Transactions that the run took';
COMMENT ON COLUMN _etl.v_last_run.error IS 'Message of what ended the run; null: nothing did';
COMMENT ON COLUMN _etl.v_last_run.job_id IS
    'TimescaleDB''s number of the job; null: run by hand or by setu worker';
GRANT SELECT ON _etl.v_last_run TO setu_etl, setu_reader;
