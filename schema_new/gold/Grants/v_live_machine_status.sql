GRANT SELECT ON gold.v_live_machine_status TO setu_reader;
