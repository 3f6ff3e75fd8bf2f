GRANT SELECT, INSERT, UPDATE, DELETE ON alerting.active_alerts TO setu_etl;
GRANT SELECT ON alerting.active_alerts TO setu_reader;
