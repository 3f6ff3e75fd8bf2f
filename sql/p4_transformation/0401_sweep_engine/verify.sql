-- what: the skeleton is there, and its procedure can commit: no SET clause, no SECURITY DEFINER
DO $verify$
BEGIN
    IF to_regprocedure('_etl.fn_fence(text, interval)') IS NULL
        OR to_regprocedure('_etl.fn_run_batch(text, bigint, bigint, timestamptz, integer)') IS NULL
        OR to_regprocedure('_etl.fn_load_rows(text, bigint, bigint, timestamptz, integer)') IS NULL
        OR to_regprocedure('_etl.fn_fed_rows(text, integer[], bigint[], bigint[])') IS NULL
        OR to_regclass('_etl.v_pipeline_lag') IS NULL
    THEN
        RAISE EXCEPTION 'a part of the sweep engine is missing';
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM pg_proc AS p
        WHERE p.oid = to_regprocedure('_etl.sp_run_pipeline(text, integer, jsonb)')
            AND p.prokind = 'p' AND p.proconfig IS NULL AND NOT p.prosecdef
    ) THEN
        RAISE EXCEPTION '_etl.sp_run_pipeline is missing, or has a SET clause or SECURITY DEFINER and cannot commit';
    END IF;
END
$verify$;
