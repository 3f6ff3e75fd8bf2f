-- what: drops the alerting procedures of v2
-- why: mirrors the step up
-- transaction: yes
-- lock: none
-- down: undone by upgrading again
DROP PROCEDURE alerting.proc_run_engine();
DROP PROCEDURE alerting.proc_check_machine_downtime();
DROP PROCEDURE alerting.proc_check_device_heartbeat(integer);
