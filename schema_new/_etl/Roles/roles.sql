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
    END LOOP;
END
$roles$;
