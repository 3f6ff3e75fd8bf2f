-- what: create the v1 schema as production runs it today
-- why: every later revision starts from it; a production database is stamped with it instead
-- transaction: yes
-- lock: none on existing tables
-- down: an empty database; refuses while any v1 table holds rows

CREATE SCHEMA master;
CREATE SCHEMA silver;
CREATE SCHEMA bronze;
CREATE SCHEMA config;
CREATE SCHEMA alerting;
CREATE SCHEMA gold;

-- @include schema/master/Tables/companies.sql
-- @include schema/master/Tables/plants.sql
-- @include schema/master/Tables/machine_info.sql
-- @include schema/master/Tables/shifts.sql
-- @include schema/master/Tables/downtime_codes.sql
-- @include schema/master/Tables/machine_assets.sql
-- @include schema/master/Tables/machine_health_settings.sql
-- @include schema/master/Tables/production_targets.sql
-- @include schema/master/Tables/users.sql
-- @include schema/master/Functions/get_shift_id.sql
-- @include schema/silver/Tables/customer_feedback.sql
-- @include schema/silver/Tables/machine_alarms.sql
-- @include schema/silver/Tables/machine_cycles.sql
-- @include schema/silver/Tables/machine_downtime.sql
-- @include schema/silver/Tables/machine_energy.sql
-- @include schema/silver/Tables/machine_focas.sql
-- @include schema/silver/Tables/machine_pm_status.sql
-- @include schema/silver/Tables/machine_status.sql
-- @include schema/silver/Tables/machine_tool_usage.sql
-- @include schema/bronze/Tables/raw_telemetry.sql
-- @include schema/bronze/Tables/dead_letter_queue.sql
-- @include schema/bronze/Tables/migration_metadata.sql
-- @include schema/bronze/Stored Procedures/proc_ingest_payload.sql
-- @include schema/bronze/Stored Procedures/proc_process_bronze_batch.sql
-- @include schema/config/Tables/alert_rules.sql
-- @include schema/config/Tables/alert_subscriptions.sql
-- @include schema/alerting/Tables/active_alerts.sql
-- @include schema/alerting/Tables/history.sql
-- @include schema/alerting/Stored Procedures/proc_check_device_heartbeat.sql
-- @include schema/alerting/Stored Procedures/proc_check_machine_downtime.sql
-- @include schema/alerting/Stored Procedures/proc_run_engine.sql
-- @include schema/gold/Continuous Aggregates/hourly_production_stats.sql
-- @include schema/gold/Continuous Aggregates/hourly_downtime_stats.sql
-- @include schema/gold/Continuous Aggregates/hourly_energy_stats.sql
-- @include schema/gold/Continuous Aggregates/machine_cycle_stats_hourly.sql
-- @include schema/gold/Continuous Aggregates/machine_downtime_hourly.sql
-- @include schema/gold/Continuous Aggregates/machine_energy_hourly.sql
-- @include schema/gold/Continuous Aggregates/daily_production_stats.sql
-- @include schema/gold/Continuous Aggregates/daily_downtime_stats.sql
-- @include schema/gold/Functions/get_cycle_summary.sql
-- @include schema/gold/Functions/get_downtime_summary.sql
-- @include schema/gold/Functions/get_energy_summary.sql
-- @include schema/gold/Functions/get_home_screen_stats.sql
-- @include schema/gold/Views/v_production_dashboard.sql
-- @include schema/gold/Views/v_downtime_dashboard.sql
-- @include schema/gold/Views/v_live_machine_status.sql
-- @include schema/gold/Views/v_oee_dashboard.sql
