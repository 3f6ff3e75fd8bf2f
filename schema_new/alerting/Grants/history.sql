GRANT SELECT, INSERT, UPDATE ON alerting.history TO setu_etl;
GRANT USAGE ON SEQUENCE alerting.history_alert_id_seq TO setu_etl;
GRANT SELECT ON alerting.history TO setu_reader;
