-- what: skeleton and entry points exist, and no SET clause or SECURITY DEFINER bars a commit
DO $verify$
DECLARE
    v_broken text;
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
        RAISE EXCEPTION '_etl.sp_run_pipeline is missing, or has a SET clause or SECURITY DEFINER '
                        'and cannot commit';
    END IF;
    SELECT string_agg(w.pipeline, ', ' ORDER BY w.pipeline) INTO v_broken
    FROM _etl.watermarks AS w
    WHERE to_regclass(w.source_table) IS DISTINCT FROM to_regclass('bronze.raw_' || w.pipeline)
        OR to_regclass(w.target_table) IS DISTINCT FROM to_regclass('silver.' || w.pipeline)
        OR to_regclass(w.source_table) IS NULL
        OR to_regclass(w.target_table) IS NULL
        OR to_regprocedure(format('_etl.sp_load_%s(integer, jsonb)', w.pipeline)) IS NULL;
    IF v_broken IS NOT NULL THEN
        RAISE EXCEPTION 'pipelines without an entry point, or with other tables in '
                        '_etl.watermarks: %', v_broken;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM _etl.watermarks AS w) THEN
        RAISE EXCEPTION '_etl.watermarks is empty';
    END IF;
END
$verify$;
