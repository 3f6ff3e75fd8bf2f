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
GRANT SELECT ON _etl.v_rejects_by_reason TO setu_etl, setu_reader;
