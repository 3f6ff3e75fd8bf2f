-- New: TimescaleDB's job history counts runs; this records what each one did.
-- @section table
CREATE TABLE _etl.job_runs (
    run_id bigint GENERATED ALWAYS AS IDENTITY,
    pipeline text NOT NULL,
    job_id integer,
    backend_pid integer NOT NULL DEFAULT pg_backend_pid(),
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    from_id bigint,
    to_id bigint,
    rows_read bigint NOT NULL DEFAULT 0,
    rows_loaded bigint NOT NULL DEFAULT 0,
    rows_merged bigint NOT NULL DEFAULT 0,
    rows_rejected bigint NOT NULL DEFAULT 0,
    rows_late bigint NOT NULL DEFAULT 0,
    rows_sender_mismatch bigint NOT NULL DEFAULT 0,
    rows_unknown_code bigint NOT NULL DEFAULT 0,
    batches integer NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'running',
    error text,
    CONSTRAINT job_runs_pkey PRIMARY KEY (run_id),
    CONSTRAINT job_runs_status_check
        CHECK (status IN ('running', 'succeeded', 'failed', 'interrupted'))
);

CREATE INDEX job_runs_pipeline_started_at_idx ON _etl.job_runs (pipeline, started_at DESC);

COMMENT ON TABLE _etl.job_runs IS
    'One row per run of a pipeline; rows_read = loaded + merged + rejected';
COMMENT ON COLUMN _etl.job_runs.rows_late IS
    'Of rows_read: those that the bound on arrival time excludes';
COMMENT ON COLUMN _etl.job_runs.rows_sender_mismatch IS
    'Rows of another device than their machine''s: loaded, where _etl.load_settings says count';
COMMENT ON COLUMN _etl.job_runs.rows_unknown_code IS
    'Stops loaded although their code could not be read as sent: see _etl.v_unknown_codes';
COMMENT ON COLUMN _etl.job_runs.run_id IS 'Drawn by the database';
COMMENT ON COLUMN _etl.job_runs.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.job_runs.job_id IS
    'TimescaleDB''s number of the job; null: run by hand or by setu worker';
COMMENT ON COLUMN _etl.job_runs.backend_pid IS 'Process of the server that ran it';
COMMENT ON COLUMN _etl.job_runs.started_at IS 'When the run began';
COMMENT ON COLUMN _etl.job_runs.finished_at IS 'When the run ended; null while it lasts';
COMMENT ON COLUMN _etl.job_runs.from_id IS 'The run began after this bronze id';
COMMENT ON COLUMN _etl.job_runs.to_id IS 'The run went up to this bronze id';
COMMENT ON COLUMN _etl.job_runs.rows_read IS 'Bronze rows of the run: loaded, merged or rejected';
COMMENT ON COLUMN _etl.job_runs.rows_loaded IS 'Rows that made a new row of silver';
COMMENT ON COLUMN _etl.job_runs.rows_merged IS 'Rows whose key silver had already';
COMMENT ON COLUMN _etl.job_runs.rows_rejected IS 'Rows that went to the rejects';
COMMENT ON COLUMN _etl.job_runs.batches IS 'Transactions that the run took';
COMMENT ON COLUMN _etl.job_runs.status IS 'running, succeeded, failed or interrupted';
COMMENT ON COLUMN _etl.job_runs.error IS 'Message of what ended the run; null: nothing did';

-- @section grants
GRANT SELECT, INSERT, UPDATE, DELETE ON _etl.job_runs TO setu_etl;
