GRANT SELECT ON master.downtime_codes TO setu_etl, setu_reader;
