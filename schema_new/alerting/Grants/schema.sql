-- New: PUBLIC has nothing; setu_etl runs the alert engine.
REVOKE ALL ON SCHEMA alerting FROM PUBLIC;

GRANT USAGE ON SCHEMA alerting TO setu_etl, setu_reader;
