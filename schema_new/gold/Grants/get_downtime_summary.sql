-- @community
GRANT EXECUTE ON FUNCTION gold.get_downtime_summary(integer, integer, timestamptz, timestamptz)
TO setu_reader;
