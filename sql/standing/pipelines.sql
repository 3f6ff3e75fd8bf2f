-- what: each pipeline has its tables, its entry point and its transform, and can commit
DO $check$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(w.what, ', ')
    INTO v_wrong
    FROM (
        SELECT format('%s: %s is not its source table', w.pipeline, w.source_table) AS what
        FROM _etl.watermarks AS w
        WHERE to_regclass(w.source_table) IS NULL
            OR to_regclass(w.source_table) IS DISTINCT FROM to_regclass('bronze.raw_' || w.pipeline)
        UNION ALL
        SELECT format('%s: %s is not its target table', w.pipeline, w.target_table)
        FROM _etl.watermarks AS w
        WHERE to_regclass(w.target_table) IS NULL
            OR to_regclass(w.target_table) IS DISTINCT FROM to_regclass('silver.' || w.pipeline)
        UNION ALL
        SELECT format('%s: _etl.sp_load_%1$s is missing', w.pipeline)
        FROM _etl.watermarks AS w
        WHERE to_regprocedure(format('_etl.sp_load_%s(integer, jsonb)', w.pipeline)) IS NULL
        UNION ALL
        SELECT format('%s: _etl.v_transform_%1$s is missing', w.pipeline)
        FROM _etl.watermarks AS w
        WHERE to_regclass('_etl.v_transform_' || w.pipeline) IS NULL
            AND to_regprocedure(format(
                '_etl.fn_load_%s(bigint, bigint, timestamptz, integer)', w.pipeline
            )) IS NULL
        UNION ALL
        SELECT format('%s has a SET clause or SECURITY DEFINER and cannot commit', p.proname)
        FROM pg_proc AS p
        WHERE p.pronamespace = '_etl'::regnamespace AND p.prokind = 'p'
            AND (p.proname = 'sp_run_pipeline' OR p.proname LIKE 'sp\_load\_%')
            AND (p.proconfig IS NOT NULL OR p.prosecdef)
        UNION ALL
        SELECT 'there is no pipeline' WHERE NOT EXISTS (SELECT 1 FROM _etl.watermarks AS w)
    ) AS w;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'pipelines are not complete' USING DETAIL = v_wrong;
    END IF;
END
$check$;
