-- what: empty plain tables replace the empty hypertables; the roles go unless they are in use
-- why: there is no way back from a hypertable to a table
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the flat tables, milliseconds
-- down: undone by upgrading again
-- loses: nothing: the tables are empty

-- Nobody waits while these are made.
CREATE SCHEMA _stage;
-- @with bronze => _stage
-- @include schema_new/bronze/Tables/raw_*.sql#table
-- @include schema_new/bronze/Tables/raw_*.sql#identity

SELECT _archive.lock_tables(VARIADIC ARRAY(
    SELECT format('bronze.%I', f.table_name)::regclass FROM _archive.flat_tables AS f
    ORDER BY f.table_name
));
DROP TABLE bronze.raw_machine_cycles;
DROP TABLE bronze.raw_machine_downtime;
DROP TABLE bronze.raw_machine_status;
DROP TABLE bronze.raw_machine_alarms;
DROP TABLE bronze.raw_machine_energy;
DROP TABLE bronze.raw_machine_focas;
DROP TABLE bronze.raw_machine_focas_program_production;
DROP TABLE bronze.raw_machine_tool_usage;
DROP TABLE bronze.raw_machine_pm_status;
DROP TABLE bronze.raw_machine_am_status;
DROP FUNCTION bronze.fn_refuse_rows();
SELECT _archive.move_tables('_stage', 'bronze', ARRAY(
    SELECT f.table_name FROM _archive.flat_tables AS f
));
DROP SCHEMA _stage;
-- @include sql/p2_bronze/shared/close_bronze.sql

DO $as_found$
DECLARE
    v_row record;
BEGIN
    -- The deploying role drops roles; the owner of the tables may lack the right.
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.deployer', true), ''), 'none'), true
    );
    -- CONNECT, where PUBLIC lacks it.
    FOR v_row IN
        SELECT r.rolname, a.privilege_type
        FROM pg_database AS d
        CROSS JOIN LATERAL aclexplode(d.datacl) AS a
        INNER JOIN pg_roles AS r ON r.oid = a.grantee
        WHERE d.datname = current_database() AND a.privilege_type = 'CONNECT'
            AND r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader', 'setu_admin')
            AND NOT EXISTS (
                SELECT 1 FROM _archive.rights_before AS b
                WHERE b.schema_name IS NULL AND b.role_name = r.rolname AND b.privilege = 'CONNECT'
            )
    LOOP
        EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM %I', current_database(), v_row.rolname);
    END LOOP;
    -- USAGE on the schema of the extension, likewise.
    FOR v_row IN
        SELECT n.nspname
        FROM pg_extension AS e
        INNER JOIN pg_namespace AS n ON n.oid = e.extnamespace
        CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
        INNER JOIN pg_roles AS r ON r.oid = a.grantee
        WHERE e.extname = 'timescaledb' AND a.privilege_type = 'USAGE' AND r.rolname = 'setu_etl'
            AND NOT EXISTS (
                SELECT 1 FROM _archive.rights_before AS b
                WHERE b.schema_name = n.nspname AND b.role_name = r.rolname
                    AND b.privilege = 'USAGE'
            )
    LOOP
        EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM setu_etl', v_row.nspname);
    END LOOP;
    -- Settings of this database alone, and what they were before.
    FOR v_row IN
        SELECT r.rolname
        FROM pg_db_role_setting AS s
        INNER JOIN pg_roles AS r ON r.oid = s.setrole
        WHERE s.setdatabase = (
            SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()
        )
            AND r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader', 'setu_admin')
    LOOP
        EXECUTE format('ALTER ROLE %I IN DATABASE %I RESET ALL', v_row.rolname, current_database());
    END LOOP;
    FOR v_row IN
        SELECT b.role_name, split_part(c.setting, '=', 1) AS name,
            substr(c.setting, strpos(c.setting, '=') + 1) AS value
        FROM _archive.roles_before AS b
        INNER JOIN pg_roles AS r ON r.rolname = b.role_name
        CROSS JOIN LATERAL unnest(b.settings) AS c (setting)
    LOOP
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET %I = %s',
            v_row.role_name, current_database(), v_row.name,
            -- A list of names is one value for each.
            CASE WHEN v_row.name IN ('search_path', 'temp_tablespaces') THEN v_row.value
                ELSE quote_literal(v_row.value) END);
    END LOOP;
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true
    );
END
$as_found$;

DO $drop$
DECLARE
    v_role record;
BEGIN
    -- The deploying role drops roles; the owner of the tables may lack the right.
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.deployer', true), ''), 'none'), true
    );
    FOR v_role IN
        SELECT r.rolname, r.oid,
            EXISTS (
                SELECT 1 FROM pg_shdepend AS d
                WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid
            ) AS is_used,
            shobj_description(r.oid, 'pg_authid') IN (
                'Kafka sinks and gateways: insert into bronze, and nothing else',
                'Owner of the load jobs',
                'Reads gold, silver, master and the views of _etl; granted to people',
                'Registers master data and sends rejected rows again; granted to people'
            ) AS is_ours
        FROM pg_roles AS r
        WHERE r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader', 'setu_admin')
        ORDER BY r.rolname
    LOOP
        IF EXISTS (
            SELECT 1 FROM _archive.roles_before AS b
            WHERE b.role_name = v_role.rolname AND NOT b.is_member
        ) THEN
            EXECUTE format('REVOKE %I FROM CURRENT_USER', v_role.rolname);
        END IF;
        IF NOT coalesce(v_role.is_ours, false) THEN
            CONTINUE;
        END IF;
        IF v_role.is_used THEN
            RAISE NOTICE 'role % stays: archived rows, other objects or another database use it',
                v_role.rolname;
            CONTINUE;
        END IF;
        BEGIN
            EXECUTE format('DROP ROLE %I', v_role.rolname);
        EXCEPTION
            WHEN dependent_objects_still_exist THEN
                RAISE NOTICE 'role % stays: another database uses it', v_role.rolname;
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % stays: % may not drop it', v_role.rolname, current_user;
        END;
    END LOOP;
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true
    );
END
$drop$;

DROP TABLE _archive.rights_before;
DROP TABLE _archive.roles_before;
