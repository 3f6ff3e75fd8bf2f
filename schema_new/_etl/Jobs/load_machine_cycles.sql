-- New: every minute. The job belongs to the role that is current when it is added.
-- @community
SET LOCAL ROLE setu_etl;
-- @community
SELECT alter_job(
    job_id => add_job(
        proc => '_etl.sp_load_machine_cycles',
        schedule_interval => current_setting('setu.job_schedule')::interval,
        config => jsonb_build_object('max_runtime', current_setting('setu.job_max_runtime')),
        -- Ten pipelines start six seconds apart; cycles are the first.
        initial_start => date_trunc('minute', clock_timestamp()) + INTERVAL '1 minute',
        fixed_schedule => true
    ),
    max_runtime => current_setting('setu.job_max_runtime')::interval + INTERVAL '5 minutes',
    max_retries => -1,
    retry_period => current_setting('setu.job_schedule')::interval
);
-- @community
RESET ROLE;
