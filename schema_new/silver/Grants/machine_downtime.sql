GRANT SELECT, INSERT, UPDATE ON silver.machine_downtime TO setu_etl;
GRANT SELECT ON silver.machine_downtime TO setu_reader;
