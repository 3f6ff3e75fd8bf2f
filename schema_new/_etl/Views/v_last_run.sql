-- New: the last run of each pipeline, in its own words.
CREATE VIEW _etl.v_last_run AS
SELECT DISTINCT ON (r.pipeline)
    r.pipeline, r.status, r.started_at, r.finished_at,
    round(extract(EPOCH FROM coalesce(r.finished_at, clock_timestamp()) - r.started_at), 3)
        AS seconds,
    r.from_id, r.to_id, r.rows_read, r.rows_loaded, r.rows_merged, r.rows_rejected, r.rows_late,
    r.batches, r.error, r.job_id
FROM _etl.job_runs AS r
ORDER BY r.pipeline, r.started_at DESC, r.run_id DESC;

COMMENT ON VIEW _etl.v_last_run IS
    'The last run of each pipeline; no job_id: a worker or a person called it';
GRANT SELECT ON _etl.v_last_run TO setu_etl, setu_reader;
