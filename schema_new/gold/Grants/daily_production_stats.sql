-- @community
GRANT SELECT ON gold.daily_production_stats TO setu_reader;
