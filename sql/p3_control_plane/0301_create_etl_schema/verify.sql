-- what: the control tables are there, and no unread payload of v1 is missing from rejected_rows
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(t.name, ', ') INTO v_wrong
    FROM unnest(ARRAY[
        '_etl.watermarks', '_etl.fence_readings', '_etl.job_runs', '_etl.rejected_rows',
        '_etl.discarded_rejects', '_etl.feed_records', '_etl.kept_chunks',
        '_etl.retention_runs'
    ]) AS t (name)
    WHERE to_regclass(t.name) IS NULL;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'control tables are missing' USING DETAIL = v_wrong;
    END IF;
    IF to_regclass('_archive.unread_payloads') IS NOT NULL AND EXISTS (
        SELECT 1 FROM _archive.unread_payloads AS u
        WHERE NOT EXISTS (
            SELECT 1 FROM _etl.rejected_rows AS r
            WHERE r.pipeline = 'raw_telemetry' AND r.row_data = u.row_data
        )
    ) THEN
        RAISE EXCEPTION 'payloads of v1 that could not be read are not in _etl.rejected_rows';
    END IF;
END
$verify$;
