-- Where PUBLIC may not connect to the database, the roles need a right of their own; so does
-- setu_etl, which adds its jobs, where PUBLIC may not use the schema of the extension.
DO $connect$
DECLARE
    v_role text;
    v_schema text := (
        SELECT n.nspname
        FROM pg_extension AS e
        INNER JOIN pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'timescaledb'
    );
BEGIN
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.deployer', true), ''), 'none'), true
    );
    FOREACH v_role IN ARRAY ARRAY['setu_ingest', 'setu_etl', 'setu_reader', 'setu_admin'] LOOP
        IF has_database_privilege(v_role, current_database(), 'CONNECT') THEN
            CONTINUE;
        END IF;
        IF NOT has_database_privilege(current_database(), 'CONNECT WITH GRANT OPTION') THEN
            RAISE EXCEPTION 'cannot let role % connect because % may not grant it on database %',
                v_role, current_user, current_database()
                USING ERRCODE = 'insufficient_privilege',
                    HINT = format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), v_role);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), v_role);
    END LOOP;
    IF NOT has_schema_privilege('setu_etl', v_schema, 'USAGE') THEN
        IF NOT has_schema_privilege(v_schema, 'USAGE WITH GRANT OPTION') THEN
            RAISE EXCEPTION 'cannot let role setu_etl use schema % because % may not grant it',
                v_schema, current_user
                USING ERRCODE = 'insufficient_privilege',
                    HINT = format('GRANT USAGE ON SCHEMA %I TO setu_etl', v_schema);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO setu_etl', v_schema);
    END IF;
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true
    );
END
$connect$;
