-- @community
GRANT SELECT ON gold.hourly_production_stats TO setu_reader;
