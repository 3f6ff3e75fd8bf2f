-- New: rules that are not evaluated are silent, as if all were well.
-- @section table
CREATE TABLE alerting.engine_runs (
    check_name text NOT NULL,
    finished_at timestamptz NOT NULL,
    CONSTRAINT engine_runs_pkey PRIMARY KEY (check_name)
);

COMMENT ON TABLE alerting.engine_runs IS 'When each check of the alert engine last ran to its end';
COMMENT ON COLUMN alerting.engine_runs.check_name IS 'heartbeat or downtime';
COMMENT ON COLUMN alerting.engine_runs.finished_at IS 'When the last run ended';

-- @section grants
GRANT SELECT, INSERT, UPDATE ON alerting.engine_runs TO setu_etl;
GRANT SELECT ON alerting.engine_runs TO setu_reader;
