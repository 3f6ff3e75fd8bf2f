-- New: when retention ran and what it did. The scheduler counts some successful runs as failed, and
-- a server without a scheduler has a worker.
CREATE TABLE _etl.retention_runs (
    run_id bigint GENERATED ALWAYS AS IDENTITY,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    chunks_dropped bigint NOT NULL DEFAULT 0,
    chunks_kept bigint NOT NULL DEFAULT 0,
    CONSTRAINT retention_runs_pkey PRIMARY KEY (run_id)
);

COMMENT ON TABLE _etl.retention_runs IS 'One row per run of the retention of bronze; kept 30 days';
COMMENT ON COLUMN _etl.retention_runs.finished_at IS
    'Null while it runs, and when it did not come to its end';
COMMENT ON COLUMN _etl.retention_runs.run_id IS 'Drawn by the database';
COMMENT ON COLUMN _etl.retention_runs.started_at IS 'When the run began';
COMMENT ON COLUMN _etl.retention_runs.chunks_dropped IS 'Number of chunks';
COMMENT ON COLUMN _etl.retention_runs.chunks_kept IS 'Number of chunks that were due and stayed';
