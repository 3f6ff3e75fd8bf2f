-- what: the load is there and its watermark points at tables that exist
DO $verify$
BEGIN
    IF to_regprocedure('_etl.sp_load_machine_cycles(integer, jsonb)') IS NULL
        OR to_regprocedure('_etl.fn_load_machine_cycles(bigint, bigint, timestamptz, integer)') IS NULL
    THEN
        RAISE EXCEPTION 'the load of machine cycles is missing';
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM _etl.watermarks AS w
        WHERE w.pipeline = 'machine_cycles'
            AND to_regclass(w.source_table) = 'bronze.raw_machine_cycles'::regclass
            AND to_regclass(w.target_table) = 'silver.machine_cycles'::regclass
    ) THEN
        RAISE EXCEPTION '_etl.watermarks has no row for pipeline machine_cycles, or it names other tables';
    END IF;
END
$verify$;
