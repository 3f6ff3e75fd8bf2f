-- what: each id is GENERATED ALWAYS and its sequence hands ids out one by one
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(f.table_name, ', ') INTO v_wrong
    FROM _archive.flat_tables AS f
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_attribute AS a
        WHERE a.attrelid = to_regclass(format('bronze.%I', f.table_name))
            AND a.attname = 'id' AND a.attidentity = 'a'
    );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'bronze ids must be GENERATED ALWAYS AS IDENTITY' USING DETAIL = v_wrong;
    END IF;
    SELECT string_agg(s.seqrelid::regclass::text, ', ') INTO v_wrong
    FROM _archive.flat_tables AS f
    INNER JOIN pg_sequence AS s
        ON s.seqrelid = pg_get_serial_sequence(format('bronze.%I', f.table_name), 'id')::regclass
    WHERE s.seqcache <> 1 OR s.seqincrement <> 1 OR s.seqcycle;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'sequences of bronze ids must have CACHE 1, INCREMENT 1 and NO CYCLE'
            USING DETAIL = v_wrong, HINT = 'Run ALTER SEQUENCE ... CACHE 1 INCREMENT BY 1 NO CYCLE';
    END IF;
END
$verify$;
