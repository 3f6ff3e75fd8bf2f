GRANT SELECT ON master.production_targets TO setu_reader;
