-- @community
GRANT SELECT ON gold.daily_downtime_stats TO setu_reader;
