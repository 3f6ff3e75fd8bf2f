-- what: raw_telemetry and dead_letter_queue come back; payloads that v2 loaded are marked processed
-- why: v1 must find what still waits, and must not process again what v2 has carried into silver
-- transaction: yes
-- lock: none that anybody else wants: both tables were asleep
-- down: undone by upgrading again, which flattens only what it has not flattened before
DO $require$
BEGIN
    IF to_regclass('_archive.raw_telemetry') IS NULL OR to_regclass('_archive.dead_letter_queue') IS NULL THEN
        RAISE EXCEPTION 'cannot go back to v1 because its rows are no longer in _archive'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                DETAIL = 'v1''s payloads slept there: raw_telemetry, dead_letter_queue.',
                HINT = 'setu archive drop was run, or they were dropped by hand. Stay at v2, or restore a backup.';
    END IF;
END
$require$;

SELECT _archive.wake('raw_telemetry', 'bronze', 'raw_telemetry');
SELECT _archive.wake('dead_letter_queue', 'bronze', 'dead_letter_queue');

DO $give_back$
DECLARE
    v_loaded bigint := _archive.last_loaded_id('machine_cycles');
BEGIN
    UPDATE bronze.raw_telemetry AS t
    SET processed = true, processing_status = 'processed'
    FROM _archive.flattened_payloads AS f
    WHERE f.digest = _archive.payload_digest(t)
        AND t.processing_status IS DISTINCT FROM 'processed'
        AND f.is_whole
        AND EXISTS (SELECT 1 FROM _archive.flattened_rows AS r WHERE r.digest = f.digest)
        AND NOT EXISTS (
            SELECT 1 FROM _archive.flattened_rows AS r
            WHERE r.digest = f.digest AND r.bronze_id > v_loaded
        );

    -- What v2 rejected and nobody mended is a dead letter in v1's terms.
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
$give_back$;

DROP FUNCTION _archive.flatten_payload(jsonb, timestamptz);
DROP FUNCTION _archive.payload_digest(bronze.raw_telemetry);
