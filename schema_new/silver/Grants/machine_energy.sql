GRANT SELECT, INSERT, UPDATE ON silver.machine_energy TO setu_etl;
GRANT SELECT ON silver.machine_energy TO setu_reader;
