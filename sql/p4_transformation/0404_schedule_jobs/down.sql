-- what: deletes the jobs of the loads, of the shift calendar and of the roll-up
-- why: mirrors the step up
-- transaction: yes
-- lock: none; a running one ends by itself
-- down: undone by upgrading again
-- @include sql/p4_transformation/shared/join_setu_etl.sql
-- @community
SELECT delete_job(j.job_id)
FROM timescaledb_information.jobs AS j
WHERE (j.proc_schema = '_etl' AND j.proc_name LIKE 'sp\_load\_%')
    OR (j.proc_schema = 'master' AND j.proc_name = 'sp_extend_shift_calendar')
    OR (j.proc_schema = 'gold' AND j.proc_name = 'sp_roll_up')
    OR (j.proc_schema = 'alerting' AND j.proc_name = 'sp_run_engine');
SELECT set_config('role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true);
