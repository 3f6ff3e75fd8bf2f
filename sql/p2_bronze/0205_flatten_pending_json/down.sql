-- what: v1's bronze tables come back; payloads that v2 loaded are marked processed
-- why: v1 must find what still waits, and must not process again what v2 has migrated into silver
-- transaction: yes
-- lock: none that anybody else wants: the tables were archived
-- down: undone by upgrading again, which flattens only what it has not flattened before
DO $require$
BEGIN
    IF to_regclass('_archive.raw_telemetry') IS NULL OR to_regclass('_archive.dead_letter_queue') IS NULL THEN
        RAISE EXCEPTION 'cannot go back to v1 because its rows are no longer in _archive'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                DETAIL = 'v1''s payloads were archived there: raw_telemetry, dead_letter_queue.',
                HINT = 'setu archive drop was run, or they were dropped by hand. Stay at v2, or restore a backup.';
    END IF;
END
$require$;

SELECT _archive.restore_table('raw_telemetry', 'bronze', 'raw_telemetry');
SELECT _archive.restore_table('dead_letter_queue', 'bronze', 'dead_letter_queue');
SELECT _archive.restore_table('migration_metadata', 'bronze', 'migration_metadata');

UPDATE bronze.raw_telemetry AS t
SET processed = true, processing_status = 'processed'
FROM _archive.flattened_payloads AS f
WHERE f.digest = _archive.payload_digest(t)
    AND t.processing_status IS DISTINCT FROM 'processed'
    AND EXISTS (SELECT 1 FROM _archive.flattened_rows AS r WHERE r.digest = f.digest)
    AND NOT EXISTS (
        SELECT 1 FROM _archive.flattened_rows AS r
        WHERE r.digest = f.digest AND r.bronze_id > _archive.last_loaded_id(r.bronze_table)
    );

-- What v2 rejected and nobody corrected is a dead letter in v1's terms.
DO $rejected$
BEGIN
    IF to_regclass('_archive.v2_rejected_rows') IS NOT NULL THEN
        INSERT INTO bronze.dead_letter_queue (time, payload, error_reason)
        SELECT r.rejected_at, r.row_data, format('%s: %s', r.reason_code, r.detail)
        FROM _archive.v2_rejected_rows AS r
        WHERE r.resent_at IS NULL AND r.bronze_id IS NOT NULL
            AND NOT EXISTS (
                SELECT 1 FROM bronze.dead_letter_queue AS q
                WHERE q.time = r.rejected_at AND q.payload = r.row_data
            );
    END IF;
END
$rejected$;

DROP FUNCTION _archive.flatten_payload(jsonb, timestamptz, text);
DROP FUNCTION _archive.payload_digest(bronze.raw_telemetry);
