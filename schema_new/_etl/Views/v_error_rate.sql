-- New: the last day of each pipeline, by its own log, since the scheduler can count a successful
-- job as failed.
CREATE VIEW _etl.v_error_rate AS
SELECT
    w.pipeline,
    count(r.run_id) AS runs,
    count(r.run_id) FILTER (WHERE r.status IN ('failed', 'interrupted')) AS runs_failed,
    round(count(r.run_id) FILTER (WHERE r.status IN ('failed', 'interrupted'))
        / nullif(count(r.run_id), 0)::numeric, 4) AS run_error_rate,
    coalesce(sum(r.rows_read), 0) AS rows_read,
    coalesce(sum(r.rows_rejected), 0) AS rows_rejected,
    round(sum(r.rows_rejected) / nullif(sum(r.rows_read), 0), 4) AS row_reject_rate,
    (
        SELECT count(*)
        FROM _etl.rejected_rows AS j
        WHERE j.pipeline = w.pipeline AND j.resent_at IS NULL
            AND j.rejected_at > clock_timestamp() - INTERVAL '1 day'
    ) AS rows_rejected_waiting
FROM _etl.watermarks AS w
LEFT JOIN _etl.job_runs AS r
    ON r.pipeline = w.pipeline AND r.started_at > clock_timestamp() - INTERVAL '1 day'
GROUP BY w.pipeline;

COMMENT ON VIEW _etl.v_error_rate IS
    'Failed runs and rejected rows of the last 24 hours, and how many of these rows still wait';
COMMENT ON COLUMN _etl.v_error_rate.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.v_error_rate.runs IS 'Number of runs that began in the last 24 hours';
COMMENT ON COLUMN _etl.v_error_rate.runs_failed IS 'Of these, failed or interrupted';
COMMENT ON COLUMN _etl.v_error_rate.run_error_rate IS 'runs_failed / runs; null: there was no run';
COMMENT ON COLUMN _etl.v_error_rate.rows_read IS
    'Bronze rows of these runs: loaded, merged or rejected';
COMMENT ON COLUMN _etl.v_error_rate.rows_rejected IS 'Rows of these runs that went to the rejects';
COMMENT ON COLUMN _etl.v_error_rate.row_reject_rate IS
    'rows_rejected / rows_read; null: no row was read';
COMMENT ON COLUMN _etl.v_error_rate.rows_rejected_waiting IS
    'Rows that were rejected in the last 24 hours and not sent again since';
GRANT SELECT ON _etl.v_error_rate TO setu_etl, setu_reader;
