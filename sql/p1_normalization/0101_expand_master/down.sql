-- what: v2's master tables to sleep, triggers off v1's
-- why: v1 alone is left; the keys stay in _archive so that another upgrade gives the same ones
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on v1's four master tables, to drop a trigger each, a few milliseconds
-- down: undone by upgrading again, which wakes the same rows with the same keys
SELECT _archive.lock_tables(
    'master.companies', 'master.plants', 'master.machine_info', 'master.shifts'
);

DROP TRIGGER setu_sync ON master.companies;
DROP TRIGGER setu_sync ON master.plants;
DROP TRIGGER setu_sync ON master.machine_info;
DROP TRIGGER setu_sync ON master.shifts;
DROP FUNCTION _stage.fn_sync_master();
DROP FUNCTION _stage.sync_master();

SELECT _archive.sleep('_stage.shift_definitions', 'v2_shift_definitions');
SELECT _archive.sleep('_stage.plant_machine_mapping', 'v2_plant_machine_mapping');
SELECT _archive.sleep('_stage.machine_info', 'v2_machine_info');
SELECT _archive.sleep('_stage.device_info', 'v2_device_info');
SELECT _archive.sleep('_stage.plants', 'v2_plants');
SELECT _archive.sleep('_stage.companies', 'v2_companies');

DROP SCHEMA _stage;
