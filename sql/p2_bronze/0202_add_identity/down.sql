-- what: id is a plain column again
-- why: mirrors the step up
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the flat tables, milliseconds
-- down: undone by upgrading again
ALTER TABLE bronze.raw_machine_cycles ALTER COLUMN id DROP IDENTITY;
ALTER TABLE bronze.raw_machine_downtime ALTER COLUMN id DROP IDENTITY;
ALTER TABLE bronze.raw_machine_status ALTER COLUMN id DROP IDENTITY;
ALTER TABLE bronze.raw_machine_alarms ALTER COLUMN id DROP IDENTITY;
ALTER TABLE bronze.raw_machine_energy ALTER COLUMN id DROP IDENTITY;
ALTER TABLE bronze.raw_machine_focas ALTER COLUMN id DROP IDENTITY;
ALTER TABLE bronze.raw_machine_focas_program_production ALTER COLUMN id DROP IDENTITY;
ALTER TABLE bronze.raw_machine_tool_usage ALTER COLUMN id DROP IDENTITY;
ALTER TABLE bronze.raw_machine_pm_status ALTER COLUMN id DROP IDENTITY;
ALTER TABLE bronze.raw_machine_am_status ALTER COLUMN id DROP IDENTITY;
