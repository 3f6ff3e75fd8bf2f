GRANT SELECT, INSERT, UPDATE ON silver.latest_cycle_state TO setu_etl;
GRANT SELECT ON silver.latest_cycle_state TO setu_reader;
