-- what: master.calendar, one row a date, for the years that silver spans and two ahead
-- why: reports by week and month; the ISO year of a date is not its calendar year
-- transaction: yes
-- lock: none
-- down: the calendar is archived, with what was added to it
-- @include schema_new/master/Tables/calendar.sql#table
-- @include schema_new/master/Functions/fn_fill_calendar.sql#function

SELECT _archive.restore_in_place('master', 'calendar');

-- @include schema_new/master/Tables/calendar.sql#seed
