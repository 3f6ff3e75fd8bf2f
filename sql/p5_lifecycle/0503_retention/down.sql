-- what: drops the action and its job
-- why: mirrors the step up
-- transaction: yes
-- lock: none
-- down: undone by upgrading again
-- @community
SELECT delete_job(j.job_id)
FROM timescaledb_information.jobs AS j
WHERE j.proc_schema = '_etl' AND j.proc_name = 'sp_retain_bronze';

DROP VIEW _etl.v_last_retention;
DROP VIEW _etl.v_kept_chunks;
DROP PROCEDURE _etl.sp_retain_bronze(integer, jsonb);
DROP FUNCTION _etl.fn_trim_logs(interval, interval, bigint, bigint);
DROP FUNCTION _etl.fn_drop_bronze_chunk(text, text, timestamptz, timestamptz);
