-- New: PUBLIC has nothing.
REVOKE ALL ON SCHEMA gold FROM PUBLIC;

GRANT USAGE ON SCHEMA gold TO setu_reader;
