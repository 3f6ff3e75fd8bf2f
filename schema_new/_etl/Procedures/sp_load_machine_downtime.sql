-- New: the action that a job calls.
CREATE PROCEDURE _etl.sp_load_machine_downtime(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
BEGIN
    CALL _etl.sp_run_pipeline('machine_downtime', job_id, config);
END
$procedure$;

REVOKE ALL ON PROCEDURE _etl.sp_load_machine_downtime(integer, jsonb) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE _etl.sp_load_machine_downtime(integer, jsonb) TO setu_etl;

COMMENT ON PROCEDURE _etl.sp_load_machine_downtime(integer, jsonb) IS
    'Loads bronze.raw_machine_downtime into silver.machine_downtime';
