-- New: daily, as the deploying role: only the owner of a hypertable can drop its chunks.
-- @community
SELECT alter_job(
    job_id => add_job(
        proc => '_etl.sp_retain_bronze',
        schedule_interval => INTERVAL '1 day',
        config => jsonb_build_object('drop_after', current_setting('setu.bronze_retention')),
        initial_start => date_trunc('day', clock_timestamp()) + INTERVAL '1 day 3 hours',
        fixed_schedule => true
    ),
    max_runtime => INTERVAL '1 hour',
    max_retries => -1,
    retry_period => INTERVAL '10 minutes'
);
