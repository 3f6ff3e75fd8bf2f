-- change: replace BY alerting.proc_run_engine

CREATE PROCEDURE alerting.proc_run_engine()
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog
AS $procedure$
BEGIN
    CALL alerting.proc_check_device_heartbeat();
    CALL alerting.proc_check_machine_downtime();
END;
$procedure$;
