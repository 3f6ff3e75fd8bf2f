-- what: the index is there, valid, on the hypertable and on each of its chunks
DO $verify$
DECLARE
    v_chunks text;
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM pg_index AS i
        WHERE i.indexrelid = to_regclass('bronze.raw_machine_cycles_id_time_idx') AND i.indisvalid
            AND pg_get_indexdef(i.indexrelid) LIKE '%(id, "time" DESC)'
    ) THEN
        RAISE EXCEPTION 'index bronze.raw_machine_cycles_id_time_idx (id, time DESC) is missing or invalid';
    END IF;
    SELECT string_agg(c.chunk::text, ', ')
    INTO v_chunks
    FROM show_chunks('bronze.raw_machine_cycles') AS c (chunk)
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_index AS i
        WHERE i.indrelid = c.chunk AND i.indisvalid
            AND pg_get_indexdef(i.indexrelid) LIKE '%(id, "time" DESC)'
    );
    IF v_chunks IS NOT NULL THEN
        RAISE EXCEPTION 'chunks lack the index (id, time DESC)' USING DETAIL = v_chunks;
    END IF;
END
$verify$;
