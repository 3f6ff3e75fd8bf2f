-- @community
GRANT SELECT ON gold.hourly_energy_stats TO setu_reader;
