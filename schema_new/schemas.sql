-- New: the schemas of v2, and the roles that reach them.
-- @section schemas
CREATE SCHEMA master;
CREATE SCHEMA silver;
CREATE SCHEMA bronze;
CREATE SCHEMA config;
CREATE SCHEMA alerting;
CREATE SCHEMA gold;

-- @section etl
CREATE SCHEMA _etl;
COMMENT ON SCHEMA _etl IS 'Control plane of the loads: watermarks, runs, rejected rows, procedures';

-- @section grants
-- PUBLIC has nothing; each role reaches only the schemas that it needs.
REVOKE ALL ON SCHEMA master, silver, bronze, config, alerting, gold, _etl FROM PUBLIC;

-- In _etl it may only call what `setu feed` needs.
GRANT USAGE ON SCHEMA bronze, _etl TO setu_ingest;
GRANT USAGE ON SCHEMA master, silver, bronze, config, alerting, gold, _etl TO setu_etl;
GRANT USAGE ON SCHEMA master, silver, config, alerting, gold, _etl TO setu_reader;
-- There it may only call what registers and resends.
GRANT USAGE ON SCHEMA master, _etl TO setu_admin;
