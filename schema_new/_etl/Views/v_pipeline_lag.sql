-- New: how far behind each pipeline is, and which transactions block it.
CREATE VIEW _etl.v_pipeline_lag AS
SELECT
    l.pipeline, l.enabled, l.last_processed_id, l.newest_id, l.rows_behind, l.seconds_behind,
    l.last_run_at, l.fence_id, l.fence_age_seconds, l.held_up_by
FROM _etl.fn_pipeline_lag() AS l;

COMMENT ON VIEW _etl.v_pipeline_lag IS
    'Rows drawn and not yet loaded, age of the oldest of them, and the transactions that hold the '
    'fence';
COMMENT ON COLUMN _etl.v_pipeline_lag.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.v_pipeline_lag.enabled IS 'False: it is passed over';
COMMENT ON COLUMN _etl.v_pipeline_lag.last_processed_id IS
    'Every bronze row up to this id is loaded, merged or rejected';
COMMENT ON COLUMN _etl.v_pipeline_lag.newest_id IS 'Last id that was drawn for a bronze row';
COMMENT ON COLUMN _etl.v_pipeline_lag.rows_behind IS
    'Rows drawn and not yet loaded: newest_id - last_processed_id; negative: the sequence went '
    'back';
COMMENT ON COLUMN _etl.v_pipeline_lag.seconds_behind IS
    'Seconds since the arrival of the oldest row that is not loaded; 0: there is none';
COMMENT ON COLUMN _etl.v_pipeline_lag.last_run_at IS
    'When the last run began; null: no run is in the log';
COMMENT ON COLUMN _etl.v_pipeline_lag.fence_id IS
    'Ids up to this one are complete; null: none is known to be';
COMMENT ON COLUMN _etl.v_pipeline_lag.fence_age_seconds IS
    'Seconds since fence_id was read; null: there is none';
COMMENT ON COLUMN _etl.v_pipeline_lag.held_up_by IS
    'Transactions that may still commit an id that was drawn, oldest first; null: there are none';
GRANT SELECT ON _etl.v_pipeline_lag TO setu_etl, setu_reader;
