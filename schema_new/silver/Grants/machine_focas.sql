GRANT SELECT, INSERT, UPDATE ON silver.machine_focas TO setu_etl;
GRANT SELECT ON silver.machine_focas TO setu_reader;
