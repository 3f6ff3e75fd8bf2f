-- what: one job runs the load every minute, on a fixed schedule, as setu_etl (community edition)
DO $verify$
BEGIN
    IF current_setting('timescaledb.license') = 'apache' THEN
        -- No jobs there: setu worker calls the same procedure. Its edition is what this step changed.
        IF to_regprocedure('_etl.sp_load_machine_cycles(integer, jsonb)') IS NULL THEN
            RAISE EXCEPTION 'there is no load for setu worker to run';
        END IF;
        RETURN;
    END IF;
    IF (
        SELECT count(*) FROM timescaledb_information.jobs AS j
        WHERE j.proc_schema = '_etl' AND j.proc_name = 'sp_load_machine_cycles'
            AND j.owner::text = 'setu_etl' AND j.fixed_schedule
    ) <> 1 THEN
        RAISE EXCEPTION 'there must be one job for _etl.sp_load_machine_cycles, fixed schedule, owner setu_etl';
    END IF;
END
$verify$;
