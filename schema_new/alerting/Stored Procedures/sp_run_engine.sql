-- New: the engine as a job, where a deployment requests it (-x run_alerts=yes); v1's deployments
-- call proc_run_engine themselves.
-- @section procedure
CREATE PROCEDURE alerting.sp_run_engine(job_id integer, config jsonb)
LANGUAGE plpgsql SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $procedure$
BEGIN
    CALL alerting.proc_run_engine();
END
$procedure$;

REVOKE ALL ON PROCEDURE alerting.sp_run_engine(integer, jsonb) FROM PUBLIC;

COMMENT ON PROCEDURE alerting.sp_run_engine(integer, jsonb) IS
    'Runs all checks that raise alerts, as a job';

-- @section grants
GRANT EXECUTE ON PROCEDURE alerting.sp_run_engine(integer, jsonb) TO setu_etl;
