-- what: JSON has left bronze, and every payload that waited was flattened or kept with its error
DO $verify$
DECLARE
    v_left bigint;
BEGIN
    IF to_regclass('bronze.raw_telemetry') IS NOT NULL
        OR to_regclass('bronze.dead_letter_queue') IS NOT NULL
        OR to_regclass('bronze.migration_metadata') IS NOT NULL
    THEN
        RAISE EXCEPTION 'a bronze table of v1 is still there';
    END IF;
    IF to_regclass('_archive.raw_telemetry') IS NULL THEN
        RETURN;  -- the archive was dropped
    END IF;
    SELECT count(*) INTO v_left
    FROM _archive.raw_telemetry AS t
    WHERE t.processing_status IS DISTINCT FROM 'processed'
        AND NOT EXISTS (
            SELECT 1 FROM _archive.flattened_payloads AS f
            WHERE f.digest = _archive.payload_digest(t)
        )
        AND NOT EXISTS (
            SELECT 1 FROM _archive.unread_payloads AS u
            WHERE u.row_data -> 'payload' = coalesce(t.payload, 'null'::jsonb)
        );
    IF v_left > 0 THEN
        RAISE EXCEPTION '% unprocessed payloads of v1 were neither flattened nor kept with an '
                        'error', v_left;
    END IF;
END
$verify$;
