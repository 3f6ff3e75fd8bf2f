-- what: id is GENERATED ALWAYS and its sequence hands ids out one by one
DO $verify$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM pg_attribute AS a
        WHERE a.attrelid = 'bronze.raw_machine_cycles'::regclass
            AND a.attname = 'id' AND a.attidentity = 'a'
    ) THEN
        RAISE EXCEPTION 'bronze.raw_machine_cycles.id is not GENERATED ALWAYS AS IDENTITY';
    END IF;
    IF EXISTS (
        SELECT 1 FROM pg_sequence AS s
        WHERE s.seqrelid = pg_get_serial_sequence('bronze.raw_machine_cycles', 'id')::regclass
            AND (s.seqcache <> 1 OR s.seqincrement <> 1 OR s.seqcycle)
    ) THEN
        RAISE EXCEPTION 'the sequence of bronze.raw_machine_cycles.id must have CACHE 1, INCREMENT 1 and NO CYCLE'
            USING HINT = 'ALTER SEQUENCE bronze.raw_machine_cycles_id_seq CACHE 1 INCREMENT BY 1 NO CYCLE';
    END IF;
END
$verify$;
