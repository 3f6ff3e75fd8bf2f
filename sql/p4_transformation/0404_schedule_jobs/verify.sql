-- what: one job runs each load every minute, on a fixed schedule, as setu_etl (community edition)
DO $verify$
DECLARE
    v_unlike text;
BEGIN
    IF current_setting('timescaledb.license') = 'apache' THEN
        -- No jobs there: setu worker calls the same procedures. Their edition is what this step
        -- changed.
        IF to_regprocedure('_etl.sp_load_machine_cycles(integer, jsonb)') IS NULL THEN
            RAISE EXCEPTION 'there is no load for setu worker to run';
        END IF;
        RETURN;
    END IF;
    SELECT string_agg(w.pipeline, ', ' ORDER BY w.pipeline) INTO v_unlike
    FROM _etl.watermarks AS w
    WHERE (
        SELECT count(*) FROM timescaledb_information.jobs AS j
        WHERE j.proc_schema = '_etl' AND j.proc_name = 'sp_load_' || w.pipeline
            AND j.owner::text = 'setu_etl' AND j.fixed_schedule
    ) <> 1;
    IF v_unlike IS NOT NULL THEN
        RAISE EXCEPTION 'there must be one job, fixed schedule, owner setu_etl, for each of: %',
            v_unlike;
    END IF;
END
$verify$;
