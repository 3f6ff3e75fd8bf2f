-- New: rejected rows that wait for their cause to be corrected.
CREATE VIEW _etl.v_rejects_by_reason AS
SELECT
    r.pipeline,
    r.reason_code,
    count(*) FILTER (WHERE r.resent_at IS NULL) AS rows_waiting,
    count(*) FILTER (WHERE r.resent_at IS NOT NULL) AS rows_resent,
    min(r.rejected_at) AS first_at,
    max(r.rejected_at) AS last_at,
    (array_agg(r.detail ORDER BY r.reject_id DESC))[1] AS last_detail
FROM _etl.rejected_rows AS r
GROUP BY r.pipeline, r.reason_code;

COMMENT ON VIEW _etl.v_rejects_by_reason IS 'Rejected rows by reason, with the last one''s detail';
COMMENT ON COLUMN _etl.v_rejects_by_reason.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.v_rejects_by_reason.reason_code IS 'Why the rows were rejected';
COMMENT ON COLUMN _etl.v_rejects_by_reason.rows_waiting IS 'Rows that wait';
COMMENT ON COLUMN _etl.v_rejects_by_reason.rows_resent IS 'Rows that were sent through again';
COMMENT ON COLUMN _etl.v_rejects_by_reason.first_at IS 'When the first of them was rejected';
COMMENT ON COLUMN _etl.v_rejects_by_reason.last_at IS 'When the last of them was rejected';
COMMENT ON COLUMN _etl.v_rejects_by_reason.last_detail IS
    'What is wrong with the last one, in words; null: no more than the reason';
GRANT SELECT ON _etl.v_rejects_by_reason TO setu_etl, setu_reader;
