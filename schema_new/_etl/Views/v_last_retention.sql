-- New: the last run of the retention of bronze that came to its end.
CREATE VIEW _etl.v_last_retention AS
SELECT r.started_at, r.finished_at, r.chunks_dropped, r.chunks_kept
FROM _etl.retention_runs AS r
WHERE r.finished_at IS NOT NULL
ORDER BY r.run_id DESC
LIMIT 1;

COMMENT ON VIEW _etl.v_last_retention IS
    'The last finished run of the retention of bronze; empty before the first';
GRANT SELECT ON _etl.v_last_retention TO setu_etl, setu_reader;
