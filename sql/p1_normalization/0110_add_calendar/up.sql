-- what: master.calendar, one row a date; the shift calendar of each plant, history and days ahead
-- why: reports by week and month; and past days keep shifts and plants when master changes
-- transaction: yes
-- lock: SHARE ROW EXCLUSIVE on six tables of master, milliseconds, to create triggers
-- down: the calendar is archived; the shift calendar stays until 0104 archives it
-- @include schema_new/master/Tables/calendar.sql#table
-- @include schema_new/master/Functions/fn_fill_calendar.sql#function

SELECT _archive.restore_in_place('master', 'calendar');

-- @include schema_new/master/Tables/calendar.sql#seed
-- @include schema_new/master/Functions/fn_shift_windows.sql#function
-- @include schema_new/master/Functions/fn_settle_shifts.sql#function
-- @include schema_new/master/Functions/fn_plant_history_from.sql#function
-- @include schema_new/master/Functions/fn_plan_shifts.sql#function
-- @include schema_new/master/Stored Procedures/sp_extend_shift_calendar.sql#procedure

-- History follows the current definitions: v1 has no others.
SELECT master.fn_settle_shifts(
    p.iot_id,
    h.first_date,
    coalesce(x.first_date - 1, (now() AT TIME ZONE 'UTC' + INTERVAL '14 hours')::date)
)
FROM master.plants AS p
LEFT JOIN master.shift_calendar_extents AS x ON x.plant_iot_id = p.iot_id
CROSS JOIN LATERAL (SELECT master.fn_plant_history_from(p.iot_id) AS first_date) AS h
WHERE h.first_date IS NOT NULL AND (x.first_date IS NULL OR h.first_date < x.first_date);
SELECT master.fn_plan_shifts(p.iot_id) FROM master.plants AS p;

-- @include schema_new/master/Functions/fn_refuse_calendar_change.sql
-- @include schema_new/master/Functions/fn_keep_shift_calendar.sql
-- @include schema_new/master/Functions/fn_note_former_plant.sql
-- @include schema_new/master/Functions/fn_note_first_plant.sql
