-- lint: allow-file plain-create: the archive outlives a downgrade and is met again
-- v1's code and views hold no rows, but have owners, grants, comments and options of their own. So
-- they are archived as they are, too, and come back as they were.
CREATE TABLE IF NOT EXISTS _archive.archived_code (
    schema_name text NOT NULL,
    object_name text NOT NULL,
    kind text NOT NULL,
    PRIMARY KEY (schema_name, object_name)
);

CREATE OR REPLACE FUNCTION _archive.archive_code(p_deadline timestamptz DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_limit text := current_setting('lock_timeout');
    v_code record;
BEGIN
    FOR v_code IN
        SELECT c.schema_name, c.object_name, c.kind
        FROM (VALUES
            ('gold', 'v_live_machine_status', 'VIEW'),
            ('gold', 'v_oee_dashboard', 'VIEW'),
            ('gold', 'v_downtime_dashboard', 'VIEW'),
            ('gold', 'v_production_dashboard', 'VIEW'),
            ('gold', 'get_home_screen_stats(text)', 'FUNCTION'),
            ('gold', 'get_energy_summary(text, text, timestamptz, timestamptz)', 'FUNCTION'),
            ('gold', 'get_downtime_summary(text, text, timestamptz, timestamptz)', 'FUNCTION'),
            ('gold', 'get_cycle_summary(text, text, timestamptz, timestamptz)', 'FUNCTION'),
            ('alerting', 'proc_run_engine()', 'PROCEDURE'),
            ('alerting', 'proc_check_machine_downtime()', 'PROCEDURE'),
            ('alerting', 'proc_check_device_heartbeat(integer)', 'PROCEDURE'),
            ('bronze', 'proc_process_bronze_batch(integer)', 'PROCEDURE'),
            ('bronze', 'proc_ingest_payload(jsonb, boolean)', 'PROCEDURE'),
            ('master', 'get_shift_id(text, timestamptz)', 'FUNCTION')
        ) AS c (schema_name, object_name, kind)
        -- The Apache edition lacks some of them.
        WHERE coalesce(
            to_regclass(
                CASE WHEN c.kind = 'VIEW' THEN format('%I.%I', c.schema_name, c.object_name) END
            )::oid,
            to_regprocedure(
                CASE WHEN c.kind <> 'VIEW' THEN format('%I.%s', c.schema_name, c.object_name) END
            )::oid
        ) IS NOT NULL
    LOOP
        IF p_deadline IS NOT NULL THEN
            PERFORM set_config('lock_timeout', greatest(
                1, ceil(extract(epoch FROM p_deadline - clock_timestamp()) * 1000)
            )::text, true);
        END IF;
        EXECUTE format('ALTER %s %I.%s SET SCHEMA _archive',
            v_code.kind, v_code.schema_name, v_code.object_name);
        INSERT INTO _archive.archived_code (schema_name, object_name, kind)
        VALUES (v_code.schema_name, v_code.object_name, v_code.kind)
        ON CONFLICT (schema_name, object_name) DO NOTHING;
    END LOOP;
    PERFORM set_config('lock_timeout', v_limit, true);
END
$function$;
COMMENT ON FUNCTION _archive.archive_code(timestamptz) IS
    'Moves v1''s code and views into _archive';

CREATE OR REPLACE FUNCTION _archive.restore_code() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_code record;
BEGIN
    FOR v_code IN
        DELETE FROM _archive.archived_code AS c RETURNING c.schema_name, c.object_name, c.kind
    LOOP
        IF coalesce(
            to_regclass(
                CASE WHEN v_code.kind = 'VIEW' THEN format('_archive.%I', v_code.object_name) END
            )::oid,
            to_regprocedure(
                CASE WHEN v_code.kind <> 'VIEW' THEN format('_archive.%s', v_code.object_name) END
            )::oid
        ) IS NULL THEN
            RAISE EXCEPTION 'cannot restore %.% because it is no longer in _archive',
                v_code.schema_name, v_code.object_name
                USING ERRCODE = 'undefined_object',
                    HINT = 'Stay at v2, or restore a backup: it was dropped by hand';
        END IF;
        EXECUTE format('ALTER %s _archive.%s SET SCHEMA %I',
            v_code.kind, v_code.object_name, v_code.schema_name);
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _archive.restore_code() IS 'Moves v1''s code and views back to where they were';
