-- what: drops the guards on master
-- why: mirrors the step up
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on five tables of master, milliseconds, to drop triggers
-- down: undone by upgrading again
DROP TRIGGER device_info_is_assigned ON master.device_info;
DROP TRIGGER machine_info_device ON master.machine_info;
DROP TRIGGER shift_definitions_updated_at ON master.shift_definitions;
DROP TRIGGER machine_assets_updated_at ON master.machine_assets;
DROP TRIGGER device_info_updated_at ON master.device_info;
DROP TRIGGER plants_updated_at ON master.plants;
DROP TRIGGER plants_timezone ON master.plants;
DROP FUNCTION master.fn_is_assigned();
DROP FUNCTION master.fn_assign_device();
DROP FUNCTION master.fn_set_updated_at();
DROP FUNCTION master.fn_refuse_timezone();
