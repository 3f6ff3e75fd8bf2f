-- what: the four procedures are there
DO $verify$
BEGIN
    IF to_regprocedure('alerting.proc_run_engine()') IS NULL
        OR to_regprocedure('alerting.proc_check_machine_downtime()') IS NULL
        OR to_regprocedure('alerting.proc_check_device_heartbeat(integer)') IS NULL
        OR to_regprocedure('alerting.sp_run_engine(integer, jsonb)') IS NULL
        OR to_regclass('_stage.alert_rules') IS NOT NULL
    THEN
        RAISE EXCEPTION 'an alerting procedure of v2 is missing';
    END IF;
END
$verify$;
