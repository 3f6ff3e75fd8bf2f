-- New: who may do what. Passwords are given by whoever runs the server, never here.
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
