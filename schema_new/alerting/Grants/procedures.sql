GRANT EXECUTE ON PROCEDURE alerting.proc_check_device_heartbeat(integer) TO setu_etl;
GRANT EXECUTE ON PROCEDURE alerting.proc_check_machine_downtime() TO setu_etl;
GRANT EXECUTE ON PROCEDURE alerting.proc_run_engine() TO setu_etl;
