-- what: both roles commit as the server is set, unless another database uses them
-- why: mirrors the step up; roles and their settings belong to the server, not to the database
-- transaction: yes
-- lock: none
-- down: undone by upgrading again
DO $reset$
BEGIN
    -- The deploying role changes roles; the owner of the tables may lack the right.
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.deployer', true), ''), 'none'), true
    );
    EXECUTE format(
        'ALTER ROLE setu_ingest IN DATABASE %I RESET synchronous_commit', current_database()
    );
    EXECUTE format(
        'ALTER ROLE setu_etl IN DATABASE %I RESET synchronous_commit', current_database()
    );
    IF EXISTS (
        SELECT 1 FROM pg_shdepend AS d
        INNER JOIN pg_roles AS r ON r.oid = d.refobjid AND d.refclassid = 'pg_authid'::regclass
        WHERE r.rolname IN ('setu_ingest', 'setu_etl')
            AND d.dbid NOT IN (
                0, (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())
            )
    ) THEN
        RAISE NOTICE 'setu_ingest and setu_etl keep synchronous_commit = off: another database '
                     'uses them';
        PERFORM set_config(
            'role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true
        );
        RETURN;
    END IF;
    -- A role that existed before has settings of its own.
    IF shobj_description('setu_ingest'::regrole, 'pg_authid')
        = 'Kafka sinks and gateways: insert into bronze, and nothing else'
    THEN
        ALTER ROLE setu_ingest RESET synchronous_commit;
    END IF;
    IF shobj_description('setu_etl'::regrole, 'pg_authid') = 'Owner of the load jobs' THEN
        ALTER ROLE setu_etl RESET synchronous_commit;
    END IF;
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true
    );
END
$reset$;
