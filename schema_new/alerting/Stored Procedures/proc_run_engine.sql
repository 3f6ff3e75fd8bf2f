-- @section procedure
CREATE PROCEDURE alerting.proc_run_engine()
LANGUAGE plpgsql SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $procedure$
BEGIN
    CALL alerting.proc_check_device_heartbeat();
    CALL alerting.proc_check_machine_downtime();
END
$procedure$;

REVOKE ALL ON PROCEDURE alerting.proc_run_engine() FROM PUBLIC;

COMMENT ON PROCEDURE alerting.proc_run_engine() IS 'Runs all checks that raise alerts';

-- @section grants
GRANT EXECUTE ON PROCEDURE alerting.proc_run_engine() TO setu_etl;
