GRANT SELECT ON master.calendar TO setu_etl, setu_reader;
-- The calendar must not end: whoever runs the jobs can add years.
GRANT INSERT ON master.calendar TO setu_etl;
GRANT EXECUTE ON FUNCTION master.fn_fill_calendar(integer, integer) TO setu_etl;
