-- @community
GRANT SELECT ON gold.machine_downtime_hourly TO setu_reader;
