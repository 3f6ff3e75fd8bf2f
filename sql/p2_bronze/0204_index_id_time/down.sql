-- what: drops the indexes
-- why: mirrors the step up
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the flat tables and their chunks, milliseconds
-- down: undone by upgrading again, which builds them
DROP INDEX bronze.raw_machine_cycles_id_time_idx;
DROP INDEX bronze.raw_machine_downtime_id_time_idx;
DROP INDEX bronze.raw_machine_status_id_time_idx;
DROP INDEX bronze.raw_machine_alarms_id_time_idx;
DROP INDEX bronze.raw_machine_energy_id_time_idx;
DROP INDEX bronze.raw_machine_focas_id_time_idx;
DROP INDEX bronze.raw_machine_focas_program_production_id_time_idx;
DROP INDEX bronze.raw_machine_tool_usage_id_time_idx;
DROP INDEX bronze.raw_machine_pm_status_id_time_idx;
DROP INDEX bronze.raw_machine_am_status_id_time_idx;
