-- lint: allow-file plain-create: the archive outlives a downgrade and is met again
-- Views of others follow the tables that they read into _archive, and see no new rows there. A view
-- that reads only columns of both versions is moved to the other version's table, if
-- setu.dependents asks for it or it was moved before.
CREATE TABLE IF NOT EXISTS _archive.dependent_views (
    view_schema text NOT NULL,
    view_name text NOT NULL,
    definition text NOT NULL,
    options text[] NOT NULL,
    was_moved boolean NOT NULL DEFAULT false,
    PRIMARY KEY (view_schema, view_name)
);
COMMENT ON TABLE _archive.dependent_views IS
    'Views of others on tables that a swap moves, as they were before it';

CREATE OR REPLACE FUNCTION _archive.note_dependent_views() RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    DELETE FROM _archive.dependent_views AS d WHERE NOT d.was_moved;
    INSERT INTO _archive.dependent_views (view_schema, view_name, definition, options)
    SELECT DISTINCT n.nspname, v.relname, pg_get_viewdef(v.oid), coalesce(v.reloptions, '{}')
    FROM pg_depend AS d
    INNER JOIN pg_rewrite AS w ON w.oid = d.objid
    INNER JOIN pg_class AS v ON v.oid = w.ev_class AND v.relkind = 'v'
    INNER JOIN pg_namespace AS n ON n.oid = v.relnamespace
    INNER JOIN pg_class AS t ON t.oid = d.refobjid AND t.relkind = 'r'
    INNER JOIN pg_namespace AS s ON s.oid = t.relnamespace
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
        AND s.nspname IN ('master', 'silver', 'config', 'alerting')
        AND n.nspname NOT IN (
            'master', 'silver', 'bronze', 'config', 'alerting', 'gold', '_etl', '_stage',
            '_archive', '_setu'
        )
        AND n.nspname NOT LIKE '\_timescaledb\_%'
    ON CONFLICT (view_schema, view_name) DO UPDATE
    SET definition = excluded.definition, options = excluded.options
$function$;

CREATE OR REPLACE FUNCTION _archive.move_dependent_views() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_view record;
    v_table record;
    v_reason text;
    v_limit text := current_setting('lock_timeout');
BEGIN
    -- A reader of such a view would block all sessions: the step gives up soon and retries.
    PERFORM set_config('lock_timeout', '200ms', true);
    FOR v_view IN
        SELECT d.view_schema, d.view_name, d.definition, d.options, d.was_moved, c.relowner
        FROM _archive.dependent_views AS d
        INNER JOIN pg_namespace AS n ON n.nspname = d.view_schema
        INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = d.view_name
            AND c.relkind = 'v'
        WHERE d.was_moved
            OR coalesce(
                current_setting('setu.dependents', true), 'stop'
            ) IN ('move', 'move_or_leave')
        ORDER BY d.view_schema, d.view_name
    LOOP
        -- Name by name as before: the tables of the other version have these names now.
        BEGIN
            EXECUTE format('CREATE OR REPLACE VIEW %I.%I %s AS %s',
                v_view.view_schema, v_view.view_name,
                CASE WHEN v_view.options = '{}' THEN '' ELSE (
                    SELECT format('WITH (%s)', string_agg(o.option, ', '))
                    FROM unnest(v_view.options) AS o (option)
                ) END,
                v_view.definition);
        EXCEPTION
            WHEN undefined_column OR undefined_table OR undefined_function OR datatype_mismatch
                OR invalid_table_definition OR insufficient_privilege OR grouping_error
            THEN
                GET STACKED DIAGNOSTICS v_reason = MESSAGE_TEXT;
                RAISE NOTICE 'view %.% still reads _archive: %',
                    v_view.view_schema, v_view.view_name, v_reason;
                CONTINUE;
        END;
        UPDATE _archive.dependent_views AS d
        SET was_moved = NOT v_view.was_moved
        WHERE d.view_schema = v_view.view_schema AND d.view_name = v_view.view_name;
        -- The owner could read the former table; the view reads with its owner's rights.
        FOR v_table IN
            SELECT DISTINCT d.refobjid::regclass AS name
            FROM pg_depend AS d
            INNER JOIN pg_rewrite AS w ON w.oid = d.objid
            WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
                AND w.ev_class = format('%I.%I', v_view.view_schema, v_view.view_name)::regclass
                AND d.refobjid <> w.ev_class
                AND NOT has_table_privilege(v_view.relowner, d.refobjid, 'SELECT')
        LOOP
            EXECUTE format(
                'GRANT SELECT ON TABLE %s TO %I', v_table.name, pg_get_userbyid(v_view.relowner)
            );
        END LOOP;
        RAISE NOTICE 'view %.% now reads the new table of the same name',
            v_view.view_schema, v_view.view_name;
    END LOOP;
    PERFORM set_config('lock_timeout', v_limit, true);
END
$function$;
