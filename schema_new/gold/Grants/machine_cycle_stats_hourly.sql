-- @community
GRANT SELECT ON gold.machine_cycle_stats_hourly TO setu_reader;
