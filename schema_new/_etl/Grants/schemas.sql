-- New: PUBLIC has nothing; each role reaches only the schemas that it needs.
REVOKE ALL ON SCHEMA master, silver, bronze, _etl FROM PUBLIC;

-- In _etl it may only call what `setu feed` needs.
GRANT USAGE ON SCHEMA bronze, _etl TO setu_ingest;
GRANT USAGE ON SCHEMA master, silver, bronze, _etl TO setu_etl;
GRANT USAGE ON SCHEMA master, silver, _etl TO setu_reader;
