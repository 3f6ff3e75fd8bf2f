-- what: drops the flat tables, which are empty: 0204 has archived their rows
-- why: v1 has none
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the flat tables, milliseconds
-- down: undone by upgrading again
-- loses: nothing: the tables are empty
DROP TABLE bronze.raw_machine_cycles;
DROP TABLE bronze.raw_machine_downtime;
DROP TABLE bronze.raw_machine_status;
DROP TABLE bronze.raw_machine_alarms;
DROP TABLE bronze.raw_machine_energy;
DROP TABLE bronze.raw_machine_focas;
DROP TABLE bronze.raw_machine_focas_program_production;
DROP TABLE bronze.raw_machine_tool_usage;
DROP TABLE bronze.raw_machine_pm_status;
DROP TABLE bronze.raw_machine_am_status;
DROP FUNCTION bronze.fn_refuse_rows();
DROP FUNCTION _archive.hand_back_payloads();
DROP FUNCTION _archive.hand_back(text, bigint, bigint);
DROP FUNCTION _archive.settled_id(text, interval);
DROP FUNCTION _archive.last_loaded_id(text);
