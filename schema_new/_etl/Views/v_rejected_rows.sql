-- New: the rejected rows themselves, for people: `setu rejects` reads it.
CREATE VIEW _etl.v_rejected_rows AS
SELECT
    r.reject_id, r.pipeline, r.reason_code, r.detail, r.bronze_id, r.bronze_time,
    r.machine_iot_id, r.rejected_at, r.resent_at, r.row_data
FROM _etl.rejected_rows AS r;

COMMENT ON VIEW _etl.v_rejected_rows IS
    'Rejected rows whole, with reason; resent_at null: it waits';
GRANT SELECT ON _etl.v_rejected_rows TO setu_admin, setu_etl, setu_reader;
