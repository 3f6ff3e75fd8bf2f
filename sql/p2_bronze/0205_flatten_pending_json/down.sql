-- what: v1's bronze tables return; rows that v2 did not load are waiting payloads, others processed
-- why: v1 must find what still waits, and must not process again what v2 has loaded into silver
-- transaction: no (each pass commits; a rerun continues with the rows that remain)
-- lock: none that other sessions need: the tables were archived, and sinks go on
-- down: undone by upgrading again, which flattens only what it has not flattened before
DO $restore$
BEGIN
    IF to_regclass('bronze.raw_telemetry') IS NOT NULL THEN
        RETURN;  -- an earlier run has come this far
    END IF;
    IF to_regclass('_archive.raw_telemetry') IS NULL
        OR to_regclass('_archive.dead_letter_queue') IS NULL THEN
        RAISE EXCEPTION 'cannot go back to v1 because its rows are no longer in _archive'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                DETAIL = 'v1''s payloads were archived there: raw_telemetry, dead_letter_queue.',
                HINT = 'Stay at v2, or restore a backup: setu archive drop was run, or they were '
                       'dropped by hand';
    END IF;
    PERFORM _archive.restore_table('raw_telemetry', 'bronze', 'raw_telemetry');
    PERFORM _archive.restore_table('dead_letter_queue', 'bronze', 'dead_letter_queue');
    PERFORM _archive.restore_table('migration_metadata', 'bronze', 'migration_metadata');
END
$restore$;

DO $payloads$
BEGIN
    IF to_regprocedure('_archive.payload_digest(bronze.raw_telemetry)') IS NULL THEN
        RETURN;  -- an earlier run has come to its end
    END IF;
    PERFORM _archive.hand_back_payloads();
END
$payloads$;

-- Passes get shorter: each takes what arrived during the one before.
DO $passes$
DECLARE
    v_table text;
    v_upto bigint;
BEGIN
    FOR v_pass IN 1..3 LOOP
        FOR v_table IN SELECT f.table_name FROM _archive.flat_tables AS f ORDER BY f.table_name LOOP
            v_upto := _archive.settled_id(v_table, INTERVAL '1 second');
            IF v_upto IS NULL THEN
                RAISE NOTICE 'a writer of bronze.% is at work for long; its rows are handed back '
                             'by 0204', v_table;
                CONTINUE;
            END IF;
            COMMIT;
            WHILE _archive.hand_back(v_table, v_upto, 20000) LOOP
                COMMIT;
            END LOOP;
            COMMIT;
        END LOOP;
    END LOOP;
END
$passes$;

-- A rejected row that was not corrected becomes a dead letter of v1.
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

DROP FUNCTION IF EXISTS _archive.flatten_payload(jsonb, timestamptz, text);
DROP FUNCTION IF EXISTS _archive.payload_digest(bronze.raw_telemetry);
