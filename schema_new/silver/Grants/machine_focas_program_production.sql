GRANT SELECT, INSERT, UPDATE ON silver.machine_focas_program_production TO setu_etl;
GRANT SELECT ON silver.machine_focas_program_production TO setu_reader;
