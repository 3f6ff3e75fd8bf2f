-- New: the last run of the retention of bronze that came to its end.
CREATE VIEW _etl.v_last_retention AS
SELECT r.started_at, r.finished_at, r.chunks_dropped, r.chunks_kept
FROM _etl.retention_runs AS r
WHERE r.finished_at IS NOT NULL
ORDER BY r.run_id DESC
LIMIT 1;

COMMENT ON VIEW _etl.v_last_retention IS
    'The last finished run of the retention of bronze; empty before the first';
COMMENT ON COLUMN _etl.v_last_retention.started_at IS 'When the run began';
COMMENT ON COLUMN _etl.v_last_retention.finished_at IS 'When the run ended';
COMMENT ON COLUMN _etl.v_last_retention.chunks_dropped IS 'Number of chunks that were dropped';
COMMENT ON COLUMN _etl.v_last_retention.chunks_kept IS 'Number of chunks that were due and stayed';
GRANT SELECT ON _etl.v_last_retention TO setu_etl, setu_reader;
