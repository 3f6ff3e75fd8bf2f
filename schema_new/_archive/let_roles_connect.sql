-- Where PUBLIC may not connect to the database, the roles need a right of their own.
DO $connect$
DECLARE
    v_role text;
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
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true
    );
END
$connect$;
