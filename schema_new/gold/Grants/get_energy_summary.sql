-- @community
GRANT EXECUTE ON FUNCTION gold.get_energy_summary(integer, integer, timestamptz, timestamptz)
TO setu_reader;
