-- what: master.calendar, one row a date, for the years that silver spans and two ahead
-- why: reports by week and month; the ISO year of a date is not its calendar year
-- transaction: yes
-- lock: none
-- down: the calendar sleeps in _archive, with what was added to it
-- @include schema_new/master/Tables/calendar.sql
-- @include schema_new/master/Functions/fn_fill_calendar.sql

SELECT _archive.wake_instead('master', 'calendar');

-- Chunks tell the years without a look at a row.
SELECT master.fn_fill_calendar(
    extract(year FROM least(min(c.range_start), clock_timestamp()))::integer,
    extract(year FROM greatest(max(c.range_end), clock_timestamp()))::integer + 2
)
FROM timescaledb_information.chunks AS c
WHERE c.hypertable_schema = 'silver'
    AND c.range_start > '1900-01-01 00:00:00+00' AND c.range_end < '2200-01-01 00:00:00+00';
