-- New: who may do what. Whoever runs the server sets the passwords, never this file.
-- @section roles
DO $roles$
DECLARE
    v_role record;
    v_setting record;
BEGIN
    -- Roles are the deployer's business; the owner of the tables may have no right to make one.
    PERFORM set_config('role', coalesce(nullif(current_setting('setu.deployer', true), ''), 'none'), true);
    FOR v_role IN
        SELECT r.name, r.options, r.description
        FROM (VALUES
            ('setu_ingest', 'LOGIN', 'Kafka sinks and gateways: insert into bronze, and nothing else'),
            ('setu_etl', 'LOGIN', 'Owner of the load jobs'),
            ('setu_reader', 'NOLOGIN', 'Reads gold, silver, master and the views of _etl; granted to people')
        ) AS r (name, options, description)
    LOOP
        -- Roles belong to the server, not to the database: one that is there is used as it is. The
        -- comment says who made it. Another database may be making it at this moment.
        BEGIN
            IF NOT EXISTS (SELECT 1 FROM pg_roles AS p WHERE p.rolname = v_role.name) THEN
                EXECUTE format('CREATE ROLE %I %s', v_role.name, v_role.options);
                EXECUTE format('COMMENT ON ROLE %I IS %L', v_role.name, v_role.description);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            RAISE NOTICE 'role % was made by another database just now', v_role.name;
        END;
        -- Jobs are added as setu_etl: for whoever is no superuser, to have made a role is not enough.
        IF NOT pg_has_role(v_role.name, 'USAGE') OR NOT pg_has_role(
            v_role.name,
            CASE WHEN current_setting('server_version_num')::integer < 160000 THEN 'MEMBER' ELSE 'SET' END
        ) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', v_role.name);
        END IF;
        IF NOT has_database_privilege(v_role.name, current_database(), 'CONNECT') THEN
            IF NOT (
                SELECT pg_has_role(d.datdba, 'USAGE') FROM pg_database AS d WHERE d.datname = current_database()
            ) THEN
                RAISE EXCEPTION 'cannot let role % connect because this role does not own database %',
                    v_role.name, current_database()
                    USING ERRCODE = 'insufficient_privilege', HINT = format(
                        'GRANT CONNECT ON DATABASE %I TO %I.', current_database(), v_role.name
                    );
            END IF;
            EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), v_role.name);
        END IF;
        -- What the server, the database or the role is set to changes no result here, and no other
        -- database is touched.
        FOR v_setting IN
            SELECT p.name, w.value
            FROM jsonb_each(current_setting('setu.role_pins')::jsonb) AS g (role_name, settings)
            CROSS JOIN LATERAL jsonb_each_text(g.settings) AS w (name, value)
            INNER JOIN pg_settings AS p ON lower(p.name) = w.name
            WHERE g.role_name IN ('every', v_role.name)
            ORDER BY p.name
        LOOP
            EXECUTE format('ALTER ROLE %I IN DATABASE %I SET %I = %L',
                v_role.name, current_database(), v_setting.name, v_setting.value);
        END LOOP;
    END LOOP;
    PERFORM set_config('role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true);
END
$roles$;

-- @section asynchronous_commit
-- A commit need not wait for the disk. A crash loses at most what was committed in the last
-- 600 ms, all of it together: bronze, silver, cache and watermark. Kafka's offset is not among it.
DO $commit$
DECLARE
    v_role record;
BEGIN
    -- Roles are the deployer's business; the owner of the tables may have no right to make one.
    PERFORM set_config('role', coalesce(nullif(current_setting('setu.deployer', true), ''), 'none'), true);
    FOR v_role IN
        SELECT r.rolname, shobj_description(r.oid, 'pg_authid') AS description
        FROM pg_roles AS r
        WHERE r.rolname IN ('setu_ingest', 'setu_etl')
    LOOP
        -- A role that was here before keeps its own settings in other databases.
        IF v_role.description IN (
            'Kafka sinks and gateways: insert into bronze, and nothing else', 'Owner of the load jobs'
        ) THEN
            EXECUTE format('ALTER ROLE %I SET synchronous_commit = off', v_role.rolname);
        ELSE
            EXECUTE format('ALTER ROLE %I IN DATABASE %I SET synchronous_commit = off',
                v_role.rolname, current_database());
        END IF;
    END LOOP;
    PERFORM set_config('role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true);
END
$commit$;
