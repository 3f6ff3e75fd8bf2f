-- New: PUBLIC has nothing.
REVOKE ALL ON SCHEMA config FROM PUBLIC;

GRANT USAGE ON SCHEMA config TO setu_etl, setu_reader;
