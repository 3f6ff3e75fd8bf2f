-- @community
GRANT SELECT ON gold.v_downtime_dashboard TO setu_reader;
