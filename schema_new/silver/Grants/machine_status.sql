GRANT SELECT, INSERT, UPDATE ON silver.machine_status TO setu_etl;
GRANT SELECT ON silver.machine_status TO setu_reader;
