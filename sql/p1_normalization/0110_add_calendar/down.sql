-- what: archives the calendar; drops the triggers that maintain the shift calendar
-- why: v1 has none
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on six tables of master, milliseconds, to drop triggers
-- down: undone by upgrading again
DROP TRIGGER plant_machine_mapping_inserted ON master.plant_machine_mapping;
DROP TRIGGER plant_machine_mapping_deleted ON master.plant_machine_mapping;
DROP TRIGGER plant_machine_mapping_moved ON master.plant_machine_mapping;
DROP TRIGGER plants_plan ON master.plants;
DROP TRIGGER plants_past ON master.plants;
DROP TRIGGER plant_days_off_plan ON master.plant_days_off;
DROP TRIGGER plant_days_off_past ON master.plant_days_off;
DROP TRIGGER shift_breaks_plan ON master.shift_breaks;
DROP TRIGGER shift_breaks_past ON master.shift_breaks;
DROP TRIGGER shift_definitions_plan ON master.shift_definitions;
DROP TRIGGER shift_definitions_past ON master.shift_definitions;
DROP TRIGGER shift_calendar_begun ON master.shift_calendar;
DROP FUNCTION master.fn_note_first_plant();
DROP FUNCTION master.fn_note_former_plant();
DROP FUNCTION master.fn_keep_shift_calendar();
DROP FUNCTION master.fn_refuse_calendar_change();

DROP PROCEDURE master.sp_extend_shift_calendar(integer, jsonb);
DROP FUNCTION master.fn_plan_shifts(integer, integer);
DROP FUNCTION master.fn_plant_history_from(integer);
DROP FUNCTION master.fn_settle_shifts(integer, date, date);
DROP FUNCTION master.fn_shift_windows(date[]);
DROP FUNCTION master.fn_fill_calendar(integer, integer);
SELECT _archive.archive_table('master.calendar', 'v2_calendar');
