-- what: the tables archived; schema _etl goes
-- why: watermarks belong to the bronze rows that are archived, and must be restored with them
-- transaction: yes
-- lock: none that other sessions need
-- down: undone by upgrading again, which restores the same rows
SELECT _archive.archive_table('_etl.retention_runs', 'v2_retention_runs');
SELECT _archive.archive_table('_etl.load_settings', 'v2_load_settings');
SELECT _archive.archive_table('_etl.unknown_codes', 'v2_unknown_codes');
SELECT _archive.archive_table('_etl.corrections', 'v2_corrections');
SELECT _archive.archive_table('_etl.later_values', 'v2_later_values');
SELECT _archive.archive_table('_etl.kept_chunks', 'v2_kept_chunks');
SELECT _archive.archive_table('_etl.discarded_rejects', 'v2_discarded_rejects');
SELECT _archive.archive_table('_etl.feed_records', 'v2_feed_records');
SELECT _archive.archive_table('_etl.rejected_rows', 'v2_rejected_rows');
SELECT _archive.archive_table('_etl.job_runs', 'v2_job_runs');
SELECT _archive.archive_table('_etl.fence_readings', 'v2_fence_readings');
SELECT _archive.archive_table('_etl.watermarks', 'v2_watermarks');
DROP SCHEMA _etl;
