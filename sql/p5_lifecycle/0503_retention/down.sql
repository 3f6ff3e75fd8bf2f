-- what: drops the action and its job
-- why: mirrors the step up
-- transaction: yes
-- lock: none
-- down: undone by upgrading again
-- @community
SELECT delete_job(j.job_id)
FROM timescaledb_information.jobs AS j
WHERE j.proc_schema = '_etl' AND j.proc_name = 'sp_retain_bronze';

DROP PROCEDURE _etl.sp_retain_bronze(integer, jsonb);
DROP FUNCTION _etl.fn_drop_bronze_chunk(text, regclass, timestamptz, timestamptz);
