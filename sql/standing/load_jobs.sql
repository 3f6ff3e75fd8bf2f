-- what: one job runs each load on a fixed schedule, as setu_etl (community edition)
DO $check$
DECLARE
    v_wrong text;
BEGIN
    IF current_setting('timescaledb.license') = 'apache' THEN
        RETURN;  -- no jobs there: setu worker calls the same procedures
    END IF;
    SELECT string_agg(w.pipeline, ', ' ORDER BY w.pipeline)
    INTO v_wrong
    FROM _etl.watermarks AS w
    WHERE (
        SELECT count(*)
        FROM timescaledb_information.jobs AS j
        WHERE j.proc_schema = '_etl' AND j.proc_name = 'sp_load_' || w.pipeline
            AND j.owner::text = 'setu_etl' AND j.fixed_schedule
    ) <> 1;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'there must be one job, fixed schedule, owner setu_etl, for each pipeline'
            USING DETAIL = format('Pipelines: %s.', v_wrong);
    END IF;
END
$check$;
