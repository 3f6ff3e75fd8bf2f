-- what: the calendar archived
-- why: v1 has none
-- transaction: yes
-- lock: none that anybody else wants
-- down: undone by upgrading again
DROP FUNCTION master.fn_fill_calendar(integer, integer);
SELECT _archive.archive_table('master.calendar', 'v2_calendar');
