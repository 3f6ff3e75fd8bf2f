-- New: the roles and their rights. Operators of the server set passwords; this file never does.
-- @section roles
DO $roles$
DECLARE
    v_role record;
    v_setting record;
BEGIN
    -- The deploying role makes roles; the owner of the tables may lack the right.
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.deployer', true), ''), 'none'), true
    );
    FOR v_role IN
        SELECT r.name, r.options, r.description
        FROM (VALUES
            (
                'setu_ingest', 'LOGIN',
                'Kafka sinks and gateways: insert into bronze, and nothing else'
            ),
            ('setu_etl', 'LOGIN', 'Owner of the load jobs'),
            (
                'setu_reader', 'NOLOGIN',
                'Reads gold, silver, master and the views of _etl; granted to people'
            ),
            (
                'setu_admin', 'NOLOGIN',
                'Registers master data and sends rejected rows again; granted to people'
            )
        ) AS r (name, options, description)
    LOOP
        -- Roles belong to the server, not to the database: an existing one is used as it is. The
        -- comment says who made it. Another database may be making it at this moment.
        BEGIN
            IF NOT EXISTS (SELECT 1 FROM pg_roles AS p WHERE p.rolname = v_role.name) THEN
                EXECUTE format('CREATE ROLE %I %s', v_role.name, v_role.options);
                EXECUTE format('COMMENT ON ROLE %I IS %L', v_role.name, v_role.description);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            RAISE NOTICE 'another database has just made role %', v_role.name;
        END;
        -- Jobs are added as setu_etl: a deployer that is no superuser needs membership for that.
        IF NOT pg_has_role(v_role.name, 'USAGE') OR NOT pg_has_role(
            v_role.name,
            CASE WHEN current_setting('server_version_num')::integer < 160000
                THEN 'MEMBER' ELSE 'SET' END
        ) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', v_role.name);
        END IF;
    END LOOP;
    -- Settings of the server, the database or the role must not change a result. These apply in
    -- this database only; other databases, and roles that existed before, keep theirs. The list is
    -- that of setu/db/session_settings.py.
    FOR v_setting IN
        SELECT s.role_name, s.name, s.value
        FROM (VALUES
            ('setu_ingest', 'datestyle', 'ISO, MDY'),
            ('setu_ingest', 'intervalstyle', 'postgres'),
            ('setu_ingest', 'timezone', 'UTC'),
            ('setu_ingest', 'timezone_abbreviations', 'Default'),
            ('setu_ingest', 'bytea_output', 'hex'),
            ('setu_ingest', 'extra_float_digits', '1'),
            ('setu_ingest', 'standard_conforming_strings', 'on'),
            ('setu_ingest', 'array_nulls', 'on'),
            ('setu_ingest', 'default_transaction_isolation', 'read committed'),
            ('setu_ingest', 'default_transaction_deferrable', 'off'),
            ('setu_ingest', 'transform_null_equals', 'off'),
            ('setu_ingest', 'default_tablespace', ''),
            ('setu_ingest', 'quote_all_identifiers', 'off'),
            ('setu_ingest', 'timescaledb.disable_load', 'off'),
            ('setu_ingest', 'timescaledb.enable_direct_compress_copy', 'off'),
            ('setu_ingest', 'timescaledb.enable_direct_compress_copy_client_sorted', 'off'),
            ('setu_ingest', 'timescaledb.enable_direct_compress_insert', 'off'),
            ('setu_ingest', 'timescaledb.enable_direct_compress_insert_client_sorted', 'off'),
            ('setu_etl', 'datestyle', 'ISO, MDY'),
            ('setu_etl', 'intervalstyle', 'postgres'),
            ('setu_etl', 'timezone', 'UTC'),
            ('setu_etl', 'timezone_abbreviations', 'Default'),
            ('setu_etl', 'bytea_output', 'hex'),
            ('setu_etl', 'extra_float_digits', '1'),
            ('setu_etl', 'standard_conforming_strings', 'on'),
            ('setu_etl', 'array_nulls', 'on'),
            ('setu_etl', 'default_transaction_isolation', 'read committed'),
            ('setu_etl', 'default_transaction_deferrable', 'off'),
            ('setu_etl', 'transform_null_equals', 'off'),
            ('setu_etl', 'default_tablespace', ''),
            ('setu_etl', 'quote_all_identifiers', 'off'),
            ('setu_etl', 'timescaledb.disable_load', 'off'),
            ('setu_etl', 'timescaledb.enable_direct_compress_copy', 'off'),
            ('setu_etl', 'timescaledb.enable_direct_compress_copy_client_sorted', 'off'),
            ('setu_etl', 'timescaledb.enable_direct_compress_insert', 'off'),
            ('setu_etl', 'timescaledb.enable_direct_compress_insert_client_sorted', 'off'),
            ('setu_etl', 'timescaledb.enable_transparent_decompression', 'on'),
            ('setu_etl', 'timescaledb.enable_columnarscan', 'on'),
            ('setu_etl', 'timescaledb.enable_dml_decompression', 'on'),
            ('setu_etl', 'timescaledb.enable_tiered_reads', 'on'),
            ('setu_etl', 'timescaledb.read_legacy_bloom1_v1', 'off'),
            ('setu_etl', 'timescaledb.skip_cagg_invalidation', 'off'),
            ('setu_etl', 'timescaledb.enable_foreign_key_propagation', 'on'),
            ('setu_etl', 'timescaledb.debug_require_batch_sorted_merge', 'allow'),
            ('setu_etl', 'statement_timeout', '0'),
            ('setu_etl', 'transaction_timeout', '0'),
            ('setu_etl', 'lock_timeout', '0'),
            ('setu_etl', 'idle_in_transaction_session_timeout', '0'),
            ('setu_etl', 'idle_session_timeout', '0'),
            ('setu_reader', 'datestyle', 'ISO, MDY'),
            ('setu_reader', 'intervalstyle', 'postgres'),
            ('setu_reader', 'timezone', 'UTC'),
            ('setu_reader', 'timezone_abbreviations', 'Default'),
            ('setu_reader', 'bytea_output', 'hex'),
            ('setu_reader', 'extra_float_digits', '1'),
            ('setu_reader', 'standard_conforming_strings', 'on'),
            ('setu_reader', 'array_nulls', 'on'),
            ('setu_reader', 'default_transaction_isolation', 'read committed'),
            ('setu_reader', 'default_transaction_deferrable', 'off'),
            ('setu_reader', 'transform_null_equals', 'off'),
            ('setu_reader', 'default_tablespace', ''),
            ('setu_reader', 'quote_all_identifiers', 'off'),
            ('setu_admin', 'datestyle', 'ISO, MDY'),
            ('setu_admin', 'intervalstyle', 'postgres'),
            ('setu_admin', 'timezone', 'UTC'),
            ('setu_admin', 'timezone_abbreviations', 'Default'),
            ('setu_admin', 'bytea_output', 'hex'),
            ('setu_admin', 'extra_float_digits', '1'),
            ('setu_admin', 'standard_conforming_strings', 'on'),
            ('setu_admin', 'array_nulls', 'on'),
            ('setu_admin', 'default_transaction_isolation', 'read committed'),
            ('setu_admin', 'default_transaction_deferrable', 'off'),
            ('setu_admin', 'transform_null_equals', 'off'),
            ('setu_admin', 'default_tablespace', ''),
            ('setu_admin', 'quote_all_identifiers', 'off')
        ) AS s (role_name, name, value)
        -- Not every version knows each.
        WHERE EXISTS (SELECT 1 FROM pg_settings AS p WHERE lower(p.name) = s.name)
    LOOP
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET %I = %L',
            v_setting.role_name, current_database(), v_setting.name, v_setting.value);
    END LOOP;
    -- A path is a list: %L would make one name of it.
    EXECUTE format(
        'ALTER ROLE setu_etl IN DATABASE %I SET search_path = pg_catalog, pg_temp',
        current_database()
    );
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true
    );
END
$roles$;

-- @section asynchronous_commit
-- Commits do not wait for the disk. A crash loses at most the commits of the last 600 ms, of
-- bronze, silver, cache and watermark together, but not Kafka's offset.
DO $commit$
DECLARE
    v_role record;
BEGIN
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.deployer', true), ''), 'none'), true
    );
    FOR v_role IN
        SELECT r.name, r.description
        FROM (VALUES
            ('setu_ingest', 'Kafka sinks and gateways: insert into bronze, and nothing else'),
            ('setu_etl', 'Owner of the load jobs')
        ) AS r (name, description)
    LOOP
        -- A role that was here before keeps its own settings in other databases.
        IF shobj_description(to_regrole(v_role.name), 'pg_authid') = v_role.description THEN
            EXECUTE format('ALTER ROLE %I SET synchronous_commit = off', v_role.name);
        ELSE
            EXECUTE format('ALTER ROLE %I IN DATABASE %I SET synchronous_commit = off',
                v_role.name, current_database());
        END IF;
    END LOOP;
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true
    );
END
$commit$;
