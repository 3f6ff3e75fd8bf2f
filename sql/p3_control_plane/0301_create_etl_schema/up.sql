-- what: schema _etl with the tables of the loads: watermarks, runs, rejects, corrections, settings
-- why: loads need a record of what was loaded, up to where, and what was rejected
-- transaction: yes
-- lock: none on existing objects
-- down: the tables are archived with their rows
-- @include schema_new/schemas.sql#etl
-- @include schema_new/_etl/Tables/watermarks.sql#table
-- @include schema_new/_etl/Tables/fence_readings.sql#table
-- @include schema_new/_etl/Tables/job_runs.sql#table
-- @include schema_new/_etl/Tables/rejected_rows.sql#table
-- @include schema_new/_etl/Tables/rejected_rows.sql#indexes
-- @include schema_new/_etl/Tables/later_values.sql#table
-- @include schema_new/_etl/Tables/corrections.sql#table
-- @include schema_new/_etl/Tables/unknown_codes.sql#table
-- @include schema_new/_etl/Tables/load_settings.sql#table
-- @include schema_new/_etl/Tables/discarded_rejects.sql
-- @include schema_new/_etl/Tables/feed_records.sql
-- @include schema_new/_etl/Tables/kept_chunks.sql
-- @include schema_new/_etl/Tables/retention_runs.sql

SELECT _archive.restore_in_place(
    '_etl', 'watermarks', 'fence_readings', 'job_runs', 'rejected_rows', 'discarded_rejects',
    'feed_records', 'kept_chunks', 'retention_runs', 'later_values', 'corrections', 'unknown_codes',
    'load_settings'
);
-- @include schema_new/_etl/Tables/load_settings.sql#seed

-- Payloads of v1 that 0205 could not read.
INSERT INTO _etl.rejected_rows (pipeline, bronze_time, reason_code, detail, row_data)
SELECT 'raw_telemetry', u.ingest_time, u.reason_code, u.detail, u.row_data
FROM _archive.unread_payloads AS u
WHERE NOT EXISTS (
    SELECT 1 FROM _etl.rejected_rows AS r
    WHERE r.pipeline = 'raw_telemetry' AND r.row_data = u.row_data
);
