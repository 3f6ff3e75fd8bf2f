-- New: the rejected rows themselves, for people: `setu rejects` reads it.
CREATE VIEW _etl.v_rejected_rows AS
SELECT
    r.reject_id, r.pipeline, r.reason_code, r.detail, r.bronze_id, r.bronze_time,
    r.machine_iot_id, r.rejected_at, r.resent_at, r.row_data
FROM _etl.rejected_rows AS r;

COMMENT ON VIEW _etl.v_rejected_rows IS
    'Rejected rows whole, with reason; resent_at null: it waits';
COMMENT ON COLUMN _etl.v_rejected_rows.reject_id IS 'Drawn by the database';
COMMENT ON COLUMN _etl.v_rejected_rows.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.v_rejected_rows.reason_code IS 'Why it was rejected';
COMMENT ON COLUMN _etl.v_rejected_rows.detail IS
    'What is wrong, in words; null: no more than the reason';
COMMENT ON COLUMN _etl.v_rejected_rows.bronze_id IS
    'Id of the row in bronze; null: a payload of v1';
COMMENT ON COLUMN _etl.v_rejected_rows.bronze_time IS 'When the row arrived';
COMMENT ON COLUMN _etl.v_rejected_rows.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN _etl.v_rejected_rows.rejected_at IS 'When the load refused it';
COMMENT ON COLUMN _etl.v_rejected_rows.resent_at IS
    'When it was sent through again, as a new bronze row; null while it waits';
COMMENT ON COLUMN _etl.v_rejected_rows.row_data IS 'The whole row as it came';
GRANT SELECT ON _etl.v_rejected_rows TO setu_admin, setu_etl, setu_reader;
