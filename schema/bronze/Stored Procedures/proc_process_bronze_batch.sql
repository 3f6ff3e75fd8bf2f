-- change: drop

-- lint: allow line-length: production has this text
-- raw_telemetry has no key: a row is named by its chunk and its place in it.
CREATE PROCEDURE bronze.proc_process_bronze_batch(p_batch_size integer)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog
AS $procedure$
DECLARE
    v_batch_id uuid := gen_random_uuid();
    v_row record;
    v_status text;
    v_error text;
BEGIN
    WITH claimed AS (
        SELECT r.tableoid AS chunk, r.ctid AS place, r.ingest_time
        FROM bronze.raw_telemetry AS r
        WHERE r.processing_status = 'pending'
        ORDER BY r.ingest_time
        LIMIT p_batch_size
        FOR UPDATE SKIP LOCKED
    )
    UPDATE bronze.raw_telemetry AS r
    SET batch_id = v_batch_id,
        processing_status = 'claimed'
    FROM claimed AS c
    WHERE r.tableoid = c.chunk
      AND r.ctid = c.place
      AND r.ingest_time = c.ingest_time;

    FOR v_row IN
        SELECT r.tableoid AS chunk, r.ctid AS place, r.ingest_time, r.payload, r.company_id
        FROM bronze.raw_telemetry AS r
        WHERE r.batch_id = v_batch_id
        ORDER BY r.ingest_time
    LOOP
        BEGIN
            CALL bronze.proc_ingest_payload(p_payload => v_row.payload, p_skip_bronze => true);
            v_status := 'processed';
        EXCEPTION
            -- Whatever is wrong with one payload must not stop the batch; it is kept, with the error.
            WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS v_error = MESSAGE_TEXT;
                INSERT INTO bronze.dead_letter_queue (payload, error_reason, company_id)
                VALUES (v_row.payload, v_error, v_row.company_id);
                v_status := 'failed';
        END;

        UPDATE bronze.raw_telemetry AS r
        SET processed = (v_status = 'processed'),
            processing_status = v_status
        WHERE r.tableoid = v_row.chunk
          AND r.ctid = v_row.place
          AND r.ingest_time = v_row.ingest_time;
    END LOOP;
END;
$procedure$;
