GRANT SELECT, INSERT, UPDATE ON silver.machine_cycles TO setu_etl;
GRANT SELECT ON silver.machine_cycles TO setu_reader;
