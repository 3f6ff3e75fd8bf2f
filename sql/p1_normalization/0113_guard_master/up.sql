-- what: guards on master: time zones of regions, updated_at, device_info.is_assigned
-- why: columns that no trigger maintains are soon wrong
-- transaction: yes
-- lock: SHARE ROW EXCLUSIVE on five tables of master, milliseconds, to create triggers
-- down: the guards go
UPDATE master.device_info AS d
SET is_assigned = NOT d.is_assigned
WHERE d.is_assigned <> EXISTS (
    SELECT 1 FROM master.machine_info AS m WHERE m.device_iot_id = d.device_iot_id
);

-- @include schema_new/master/Functions/fn_refuse_timezone.sql
-- @include schema_new/master/Functions/fn_set_updated_at.sql
-- @include schema_new/master/Functions/fn_assign_device.sql
-- @include schema_new/master/Functions/fn_is_assigned.sql
