-- what: drops the action, its job and silver's retention policies
-- why: mirrors the step up
-- transaction: yes
-- lock: none
-- down: undone by upgrading again
-- @community
SELECT delete_job(j.job_id)
FROM timescaledb_information.jobs AS j
WHERE j.proc_schema = '_etl' AND j.proc_name = 'sp_retain_bronze';

-- @community
SELECT remove_retention_policy(relation => format('silver.%I', t.name)::regclass)
FROM unnest(ARRAY[
    'machine_cycles', 'machine_downtime', 'machine_status', 'machine_alarms', 'machine_energy',
    'machine_focas', 'machine_focas_program_production', 'machine_tool_usage', 'machine_pm_status',
    'machine_am_status', 'customer_feedback'
]) AS t (name);

DROP VIEW _etl.v_last_retention;
DROP VIEW _etl.v_kept_chunks;
DROP PROCEDURE _etl.sp_retain_bronze(integer, jsonb);
DROP FUNCTION _etl.fn_trim_logs(interval, interval, bigint, bigint);
DROP FUNCTION _etl.fn_drop_bronze_chunk(text, text, timestamptz, timestamptz);
