DROP VIEW gold.v_live_machine_status;
-- @community
DROP VIEW gold.v_oee_dashboard;
-- @community
DROP VIEW gold.v_downtime_dashboard;
-- @community
DROP VIEW gold.v_production_dashboard;
DROP FUNCTION gold.get_home_screen_stats(text);
-- @community
DROP FUNCTION gold.get_energy_summary(text, text, timestamptz, timestamptz);
-- @community
DROP FUNCTION gold.get_downtime_summary(text, text, timestamptz, timestamptz);
-- @community
DROP FUNCTION gold.get_cycle_summary(text, text, timestamptz, timestamptz);
DROP PROCEDURE alerting.proc_run_engine();
DROP PROCEDURE alerting.proc_check_machine_downtime();
DROP PROCEDURE alerting.proc_check_device_heartbeat(integer);
DROP PROCEDURE bronze.proc_process_bronze_batch(integer);
DROP PROCEDURE bronze.proc_ingest_payload(jsonb, boolean);
DROP FUNCTION master.get_shift_id(text, timestamptz);
