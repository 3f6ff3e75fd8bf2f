-- what: drops the alerting procedures of v2
-- why: mirrors the step up
-- transaction: yes
-- lock: none
-- down: undone by upgrading again
DROP VIEW alerting.v_engine_state;
DROP PROCEDURE alerting.sp_run_engine(integer, jsonb);
DROP PROCEDURE alerting.proc_run_engine();
DROP PROCEDURE alerting.proc_check_machine_downtime();
DROP PROCEDURE alerting.proc_check_device_heartbeat(integer);
SELECT _archive.archive_table('alerting.engine_runs', 'v2_engine_runs');
SELECT _archive.archive_table('alerting.rule_faults', 'v2_rule_faults');
