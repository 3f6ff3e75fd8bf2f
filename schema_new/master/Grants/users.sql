GRANT SELECT ON master.users TO setu_reader;
