-- what: payloads that v1 had not processed become bronze rows; v1's bronze tables retire
-- why: no JSON is left on the way in, and no waiting payload is lost
-- transaction: yes
-- lock: SHARE ROW EXCLUSIVE on bronze.raw_telemetry and dead_letter_queue while payloads are read
-- down: both tables return with their rows; a payload of which v2 loaded anything is processed
LOCK TABLE bronze.raw_telemetry, bronze.dead_letter_queue IN SHARE ROW EXCLUSIVE MODE;

-- @include sql/p2_bronze/shared/flatten_payload.sql

DO $flatten$
DECLARE
    v_raw record;
    v_count bigint;
    v_message text;
    v_payloads bigint := 0;
    v_rows bigint := 0;
    v_unread bigint := 0;
BEGIN
    -- What could not be read before an earlier downgrade is tried again.
    DELETE FROM _archive.unread_payloads;

    FOR v_raw IN
        SELECT t.ingest_time, t.payload, to_jsonb(t) AS row_data,
            _archive.payload_digest(t) AS digest
        FROM bronze.raw_telemetry AS t
        WHERE t.processing_status IS DISTINCT FROM 'processed'
            AND NOT EXISTS (
                SELECT 1 FROM _archive.flattened_payloads AS f
                WHERE f.digest = _archive.payload_digest(t)
            )
        ORDER BY t.ingest_time
    LOOP
        v_payloads := v_payloads + 1;
        -- A payload is read whole or not at all, as v1 did; one that fails is kept with its error.
        BEGIN
            v_count := _archive.flatten_payload(v_raw.payload, v_raw.ingest_time, v_raw.digest);
            INSERT INTO _archive.flattened_payloads (digest, ingest_time)
            VALUES (v_raw.digest, v_raw.ingest_time)
            ON CONFLICT (digest) DO NOTHING;
            v_rows := v_rows + v_count;
        EXCEPTION
            WHEN no_data_found THEN
                GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT;
                INSERT INTO _archive.unread_payloads (ingest_time, reason_code, detail, row_data)
                VALUES (v_raw.ingest_time, 'unknown_machine', v_message, v_raw.row_data);
                v_unread := v_unread + 1;
            WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT;
                INSERT INTO _archive.unread_payloads (ingest_time, reason_code, detail, row_data)
                VALUES (v_raw.ingest_time, 'unreadable_payload', v_message, v_raw.row_data);
                v_unread := v_unread + 1;
        END;
    END LOOP;
    RAISE NOTICE '% unprocessed payloads: % bronze rows, % payloads could not be read and wait in '
                 '_etl.rejected_rows',
        v_payloads, v_rows, v_unread;
END
$flatten$;

SELECT _archive.lock_tables(
    'bronze.raw_telemetry', 'bronze.dead_letter_queue', 'bronze.migration_metadata'
);

SELECT _archive.archive_table('bronze.raw_telemetry', 'raw_telemetry');
SELECT _archive.archive_table('bronze.dead_letter_queue', 'dead_letter_queue');
SELECT _archive.archive_table('bronze.migration_metadata', 'migration_metadata');
