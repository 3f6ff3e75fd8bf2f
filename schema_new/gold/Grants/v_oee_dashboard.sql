GRANT SELECT ON gold.v_oee_dashboard TO setu_reader;
