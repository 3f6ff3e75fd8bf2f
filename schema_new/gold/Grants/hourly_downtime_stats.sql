-- @community
GRANT SELECT ON gold.hourly_downtime_stats TO setu_reader;
