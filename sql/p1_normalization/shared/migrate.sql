-- The migrators: one text for every table in _archive.migrated_tables, on top of its to_v2.

-- Carries the v1 rows of a time range. Of duplicates the first created wins, also over one that
-- the trigger migrated before this ran. Any number of times with the same result. With
-- p_registered_since only rows of machines that v1 registered since then: they were orphans before.
CREATE FUNCTION _stage.migrate(
    p_table text,
    p_from timestamptz,
    p_to timestamptz,
    p_registered_since timestamptz DEFAULT '-infinity'
)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_migrated _archive.migrated_tables;
    v_key text;
    v_others text;
    v_rows bigint;
BEGIN
    SELECT c.* INTO STRICT v_migrated FROM _archive.migrated_tables AS c WHERE c.table_name = p_table;
    SELECT string_agg(format('%I', k.name), ', ' ORDER BY k.place) INTO v_key
    FROM unnest(v_migrated.v2_key) WITH ORDINALITY AS k (name, place);
    SELECT string_agg(format('%1$I = excluded.%1$I', a.attname), ', ' ORDER BY a.attnum) INTO v_others
    FROM pg_attribute AS a
    WHERE a.attrelid = format('_stage.%I', p_table)::regclass AND a.attnum > 0
        AND NOT a.attisdropped AND a.attname <> ALL (v_migrated.v2_key);

    EXECUTE format(
        $query$
            INSERT INTO _stage.%1$I AS t
            SELECT DISTINCT ON (%2$s) v2.*
            FROM %3$I.%1$I AS v1
            CROSS JOIN LATERAL _stage.to_v2(v1) AS v2
            WHERE v1.%4$I >= $1 AND v1.%4$I < $2 %8$s
            ORDER BY %2$s, %5$s v2
            ON CONFLICT (%2$s) DO UPDATE SET %6$s %7$s
        $query$,
        p_table, v_key, v_migrated.schema_name, v_migrated.v1_time,
        CASE WHEN v_migrated.has_created_at THEN 'v2.created_at,' ELSE '' END,
        v_others,
        CASE WHEN v_migrated.has_created_at THEN 'WHERE excluded.created_at < t.created_at' ELSE '' END,
        CASE WHEN p_registered_since > '-infinity' THEN
            'AND (v1.company_id, v1.machine_id) IN (
                SELECT k.company_id, k.machine_id FROM _archive.machine_keys AS k
                WHERE k.registered_at >= $3
            )'
        ELSE '' END
    ) USING p_from, p_to, p_registered_since;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _stage.migrate(text, timestamptz, timestamptz, timestamptz) IS
    'Carries the v1 rows of a table and a time range to v2';
REVOKE ALL ON FUNCTION _stage.migrate(text, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

-- Tries the rows once more that a trigger quarantined: v1 may have corrected them since.
CREATE FUNCTION _stage.migrate_quarantined() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_failure record;
    v_message text;
    v_left text[];
BEGIN
    FOR v_failure IN
        DELETE FROM _stage.migrate_failures AS f RETURNING f.table_name, f.event_time
    LOOP
        BEGIN
            PERFORM _stage.migrate(v_failure.table_name, v_failure.event_time,
                v_failure.event_time + INTERVAL '1 microsecond');
        EXCEPTION WHEN OTHERS THEN  -- told below, all at once
            GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT;
            v_left := v_left || format('%s at %s: %s',
                v_failure.table_name, v_failure.event_time, v_message);
        END;
    END LOOP;
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'cannot swap because v2 cannot hold some rows that v1 has written'
            USING ERRCODE = 'check_violation', DETAIL = array_to_string(v_left, '; '),
                HINT = 'Correct these rows in v1, or delete them, then upgrade again.';
    END IF;
END
$function$;
REVOKE ALL ON FUNCTION _stage.migrate_quarantined() FROM PUBLIC;

-- Each new v1 row, as it comes. v1 must go on whatever happens here: a row that fails is quarantined
-- with its error, and the swap refuses to go on while there is one. The functions are written out
-- table by table so that each keeps its plan: this runs for every row that v1 writes.
DO $triggers$
DECLARE
    v_migrated record;
BEGIN
    FOR v_migrated IN
        SELECT c.*,
            (SELECT string_agg(format('%I', k.name), ', ') FROM unnest(c.v2_key) AS k (name)) AS key,
            -- Here, too, the first created wins: the backfill has been through its chunk and will
            -- not look again. What has no created_at is a state that v1 may change.
            (
                SELECT string_agg(format('%1$I = excluded.%1$I', a.attname), ', ' ORDER BY a.attnum)
                FROM pg_attribute AS a
                WHERE a.attrelid = format('_stage.%I', c.table_name)::regclass AND a.attnum > 0
                    AND NOT a.attisdropped AND a.attname <> ALL (c.v2_key)
            ) || CASE WHEN c.has_created_at THEN ' WHERE excluded.created_at < t.created_at' ELSE '' END
                AS on_conflict,
            CASE WHEN c.has_created_at THEN 'INSERT' ELSE 'INSERT OR UPDATE' END AS event
        FROM _archive.migrated_tables AS c
        ORDER BY c.table_name
    LOOP
        EXECUTE format(
            $create$
                CREATE FUNCTION _stage.%1$I() RETURNS trigger
                LANGUAGE plpgsql VOLATILE SECURITY DEFINER
                SET search_path = pg_catalog, pg_temp
                AS $function$
                DECLARE
                    v_message text;
                BEGIN
                    BEGIN
                        INSERT INTO _stage.%2$I AS t
                        SELECT v2.* FROM _stage.to_v2(NEW) AS v2
                        ON CONFLICT (%3$s) DO UPDATE SET %5$s;
                    EXCEPTION WHEN OTHERS THEN
                        GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT;
                        INSERT INTO _stage.migrate_failures (table_name, event_time, sqlstate, message)
                        VALUES (%2$L, NEW.%4$I, SQLSTATE, v_message);
                        RAISE WARNING 'setu could not migrate a row of %% to v2: %%', %2$L, v_message;
                    END;
                    RETURN NULL;
                END
                $function$
            $create$,
            'fn_migrate_' || v_migrated.table_name, v_migrated.table_name, v_migrated.key, v_migrated.v1_time,
            v_migrated.on_conflict
        );
        EXECUTE format('REVOKE ALL ON FUNCTION _stage.%I() FROM PUBLIC', 'fn_migrate_' || v_migrated.table_name);
        EXECUTE format(
            'CREATE TRIGGER setu_migrate AFTER %s ON %I.%I FOR EACH ROW EXECUTE FUNCTION _stage.%I()',
            v_migrated.event, v_migrated.schema_name, v_migrated.table_name, 'fn_migrate_' || v_migrated.table_name
        );
    END LOOP;
END
$triggers$;
