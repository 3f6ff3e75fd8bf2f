GRANT SELECT ON config.alert_rules TO setu_etl, setu_reader;
