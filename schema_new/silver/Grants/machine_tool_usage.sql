GRANT SELECT, INSERT, UPDATE ON silver.machine_tool_usage TO setu_etl;
GRANT SELECT ON silver.machine_tool_usage TO setu_reader;
