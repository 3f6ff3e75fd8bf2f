-- New: how far behind each pipeline is, and which transactions block it.
CREATE VIEW _etl.v_pipeline_lag AS
SELECT
    l.pipeline, l.enabled, l.last_processed_id, l.newest_id, l.rows_behind, l.seconds_behind,
    l.last_run_at, l.fence_id, l.fence_age_seconds, l.held_up_by
FROM _etl.fn_pipeline_lag() AS l;

COMMENT ON VIEW _etl.v_pipeline_lag IS
    'Rows drawn and not yet loaded, age of the oldest of them, and the transactions that hold the '
    'fence';
GRANT SELECT ON _etl.v_pipeline_lag TO setu_etl, setu_reader;
