-- @community
GRANT SELECT ON gold.v_production_dashboard TO setu_reader;
