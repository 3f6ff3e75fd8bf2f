-- @community
GRANT EXECUTE ON FUNCTION gold.get_cycle_summary(integer, integer, timestamptz, timestamptz)
TO setu_reader;
