-- New: the jobs of v2. v1 has policies only.
-- @section load_facts
-- Each load every minute, six seconds after the one before, so that ten do not start at once.
-- A job belongs to the role that is current when it is added.
-- @community
SET LOCAL ROLE setu_etl;
-- @community
SELECT alter_job(
    job_id => add_job(
        proc => format('_etl.sp_load_%s', fact.name)::regproc,
        schedule_interval => current_setting('setu.job_schedule')::interval,
        config => jsonb_build_object(
            'max_runtime', current_setting('setu.job_max_runtime'),
            'late_window', current_setting('setu.late_window')
        ),
        initial_start => date_trunc('minute', clock_timestamp()) + INTERVAL '1 minute'
            + fact.place * INTERVAL '6 seconds',
        fixed_schedule => true
    ),
    max_runtime => current_setting('setu.job_max_runtime')::interval + INTERVAL '5 minutes',
    max_retries => -1,
    retry_period => current_setting('setu.job_schedule')::interval
)
FROM (VALUES
    ('machine_cycles', 0),
    ('machine_downtime', 1),
    ('machine_status', 2),
    ('machine_alarms', 3),
    ('machine_energy', 4),
    ('machine_focas', 5),
    ('machine_focas_program_production', 6),
    ('machine_tool_usage', 7),
    ('machine_pm_status', 8),
    ('machine_am_status', 9)
) AS fact (name, place)
ORDER BY fact.place;
-- @community
RESET ROLE;
SELECT set_config('role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true);

-- @section retain_bronze
-- Daily, as the deploying role: only the owner of a hypertable can drop its chunks.
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

-- @section extend_shift_calendar
-- Hourly, so that a new plant, or one with new history in silver, gets its calendar soon.
-- @community
SET LOCAL ROLE setu_etl;
-- @community
SELECT alter_job(
    job_id => add_job(
        proc => 'master.sp_extend_shift_calendar',
        schedule_interval => INTERVAL '1 hour',
        config => jsonb_build_object('days_ahead', 60),
        initial_start => date_trunc('hour', clock_timestamp()) + INTERVAL '1 hour 17 minutes',
        fixed_schedule => true
    ),
    max_runtime => INTERVAL '30 minutes',
    max_retries => -1,
    retry_period => INTERVAL '10 minutes'
);
-- @community
RESET ROLE;
SELECT set_config('role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true);

-- @section roll_up_shifts
-- Reports are right without it, but read silver for days that are not rolled up.
-- @community
SET LOCAL ROLE setu_etl;
-- @community
SELECT alter_job(
    job_id => add_job(
        proc => 'gold.sp_roll_up',
        schedule_interval => INTERVAL '5 minutes',
        config => jsonb_build_object('max_runtime', '4 minutes'),
        initial_start => date_trunc('minute', clock_timestamp()) + INTERVAL '2 minutes',
        fixed_schedule => true
    ),
    max_runtime => INTERVAL '15 minutes',
    max_retries => -1,
    retry_period => INTERVAL '5 minutes'
);
-- @community
RESET ROLE;
SELECT set_config('role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true);

-- @section run_alerts
-- Only on request: v1's deployments call the engine themselves.
-- @community
SET LOCAL ROLE setu_etl;
-- @community
SELECT alter_job(
    job_id => add_job(
        proc => 'alerting.sp_run_engine',
        schedule_interval => INTERVAL '1 minute',
        initial_start => date_trunc('minute', clock_timestamp()) + INTERVAL '1 minute 30 seconds',
        fixed_schedule => true
    ),
    max_runtime => INTERVAL '5 minutes',
    max_retries => -1,
    retry_period => INTERVAL '1 minute'
)
WHERE current_setting('setu.run_alerts') = 'yes';
-- @community
RESET ROLE;
SELECT set_config('role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true);
