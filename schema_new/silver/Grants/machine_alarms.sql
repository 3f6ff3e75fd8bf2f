GRANT SELECT, INSERT, UPDATE ON silver.machine_alarms TO setu_etl;
GRANT SELECT ON silver.machine_alarms TO setu_reader;
