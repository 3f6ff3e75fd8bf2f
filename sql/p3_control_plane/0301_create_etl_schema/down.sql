-- what: the four tables to sleep; schema _etl goes
-- why: watermarks belong to the bronze rows that sleep, and must wake with them
-- transaction: yes
-- lock: none that anybody else wants
-- down: undone by upgrading again, which wakes the same rows
SELECT _archive.sleep('_etl.rejected_rows', 'v2_rejected_rows');
SELECT _archive.sleep('_etl.job_runs', 'v2_job_runs');
SELECT _archive.sleep('_etl.fence_readings', 'v2_fence_readings');
SELECT _archive.sleep('_etl.watermarks', 'v2_watermarks');
DROP SCHEMA _etl;
