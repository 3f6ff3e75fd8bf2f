GRANT SELECT ON master.machine_assets TO setu_reader;
