-- New: who may do what. Whoever runs the server sets the passwords, never this file.
-- @section roles
DO $roles$
DECLARE
    v_role record;
BEGIN
    FOR v_role IN
        SELECT r.name, r.options, r.description
        FROM (VALUES
            ('setu_ingest', 'LOGIN', 'Kafka sinks and gateways: insert into bronze, and nothing else'),
            ('setu_etl', 'LOGIN', 'Owner of the load jobs'),
            ('setu_reader', 'NOLOGIN', 'Reads gold, silver, master and the views of _etl; granted to people')
        ) AS r (name, options, description)
    LOOP
        -- Roles belong to the server, not to the database: another one may have brought them.
        IF NOT EXISTS (SELECT 1 FROM pg_roles AS p WHERE p.rolname = v_role.name) THEN
            EXECUTE format('CREATE ROLE %I %s', v_role.name, v_role.options);
        END IF;
        EXECUTE format('COMMENT ON ROLE %I IS %L', v_role.name, v_role.description);
        -- Jobs are added as setu_etl, and the way back drops what the roles were granted: for whoever
        -- is no superuser, to have made a role is not enough for either.
        IF NOT pg_has_role(v_role.name, 'USAGE') OR NOT pg_has_role(
            v_role.name,
            CASE WHEN current_setting('server_version_num')::integer < 160000 THEN 'MEMBER' ELSE 'SET' END
        ) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', v_role.name);
        END IF;
    END LOOP;
END
$roles$;

-- @section asynchronous_commit
-- A commit need not wait for the disk. A crash loses at most what was committed in the last
-- 600 ms, all of it together: bronze, silver, cache and watermark. Kafka's offset is not among it.
ALTER ROLE setu_ingest SET synchronous_commit = off;
ALTER ROLE setu_etl SET synchronous_commit = off;
