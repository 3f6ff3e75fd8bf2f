-- New: when retention ran and what it did, by its own log: the scheduler counts some runs as failed
-- that did their work, and where there is no scheduler a worker runs it.
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
