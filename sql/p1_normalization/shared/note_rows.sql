-- v1's silver and alert history note what changes, once a statement and set-based. A note is a row
-- in a table without key, constraint or index: no session can wait for it, and it cannot fail.
-- migrate_noted processes the notes: it reads v1's present rows. Each event has a function for each
-- name of a time column: v1's statements must not pay for dynamic SQL.
--
-- To note a row costs as much as to delete one. A statement that changes or deletes more than 100
-- rows notes where it did: in which chunks, between which times and machines. follow_chunk finds
-- the rows. To read them costs a seventh of what it cost to delete them: of more than 2,000 rows
-- only the chunks are noted.
CREATE TABLE _stage.noted_rows (
    table_name text,
    company_id text,
    machine_id text,
    at timestamptz,
    inserted boolean
);
COMMENT ON TABLE _stage.noted_rows IS 'Machine and time of v1 rows that changed';

CREATE TABLE _stage.noted_chunks (
    table_name text,
    chunk oid,
    machine_from text,
    machine_to text,
    time_from timestamptz,
    time_to timestamptz,
    since xid8
);
COMMENT ON TABLE _stage.noted_chunks IS
    'Chunks in which a statement changed or deleted many rows of v1, and their first and last '
    'machine (in C order) and time';
COMMENT ON COLUMN _stage.noted_chunks.chunk IS 'Null: any of the table''s';
COMMENT ON COLUMN _stage.noted_chunks.machine_from IS 'Null: any machine';
COMMENT ON COLUMN _stage.noted_chunks.since IS
    'The oldest transaction that ran then: the statement''s own, or one before it';

CREATE FUNCTION _stage.count_notes() RETURNS bigint
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT (SELECT count(*) FROM _stage.noted_rows AS n)
        + (SELECT count(*) FROM _stage.noted_chunks AS n)
$function$;
COMMENT ON FUNCTION _stage.count_notes() IS 'How many notes there are, on rows and on chunks';

-- The server counts for each transaction how many rows it changed and deleted in which table. The
-- counts may include those of the session's transactions of the last second.
CREATE FUNCTION _stage.note_chunks(
    p_table regclass, p_name text, p_machine_from text DEFAULT NULL,
    p_machine_to text DEFAULT NULL, p_time_from timestamptz DEFAULT '-infinity',
    p_time_to timestamptz DEFAULT 'infinity'
)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    c_since CONSTANT xid8 := pg_snapshot_xmin(pg_current_snapshot());
BEGIN
    IF current_setting('track_counts')::boolean THEN
        INSERT INTO _stage.noted_chunks (
            table_name, chunk, machine_from, machine_to, time_from, time_to, since
        )
        SELECT p_name, i.inhrelid, p_machine_from, p_machine_to, p_time_from, p_time_to, c_since
        FROM pg_inherits AS i
        WHERE i.inhparent = p_table
            AND pg_stat_get_xact_tuples_updated(i.inhrelid)
            + pg_stat_get_xact_tuples_deleted(i.inhrelid) > 0;
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    INSERT INTO _stage.noted_chunks (
        table_name, machine_from, machine_to, time_from, time_to, since
    )
    VALUES (p_name, p_machine_from, p_machine_to, p_time_from, p_time_to, c_since);
END
$function$;
COMMENT ON FUNCTION _stage.note_chunks(regclass, text, text, text, timestamptz, timestamptz) IS
    'Notes the chunks in which this transaction has changed or deleted rows, and between which '
    'machines and times it did';

CREATE FUNCTION _stage.fn_note_truncate() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_chunks (table_name, time_from, time_to, since)
    VALUES (TG_TABLE_NAME, '-infinity', 'infinity', pg_snapshot_xmin(pg_current_snapshot()));
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION _stage.count_notes() FROM PUBLIC;
REVOKE ALL ON FUNCTION
    _stage.note_chunks(regclass, text, text, text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_truncate() FROM PUBLIC;

DO $functions$
DECLARE
    c_note_added CONSTANT text := $create$
        CREATE FUNCTION _stage.%1$I() RETURNS trigger
        LANGUAGE plpgsql VOLATILE SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp
        AS $note$
        BEGIN
            INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
            SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.%2$I, true FROM changed AS c;
            RETURN NULL;
        END
        $note$
    $create$;
    -- A session that first changes a single row would plan to sort, and sort the many of a later
    -- statement.
    c_note_changed CONSTANT text := $create$
        CREATE FUNCTION _stage.%1$I() RETURNS trigger
        LANGUAGE plpgsql VOLATILE SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp
        SET enable_sort = off
        AS $note$
        BEGIN
            PERFORM FROM changed OFFSET 100 LIMIT 1;
            IF NOT FOUND THEN
                INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
                SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.%2$I, false FROM %3$s AS c;
                RETURN NULL;
            END IF;
            PERFORM FROM changed OFFSET 2000 LIMIT 1;
            IF NOT FOUND THEN
                PERFORM _stage.note_chunks(
                    TG_RELID, TG_TABLE_NAME, min(c.machine_id COLLATE "C"),
                    max(c.machine_id COLLATE "C"), min(c.%2$I), max(c.%2$I)
                )
                FROM %3$s AS c;
                RETURN NULL;
            END IF;
            PERFORM _stage.note_chunks(TG_RELID, TG_TABLE_NAME);
            RETURN NULL;
        END
        $note$
    $create$;
    -- Also the former place of a row: its time or its machine may have changed.
    c_both CONSTANT text := '(
                    SELECT n.company_id, n.machine_id, n.%1$I FROM changed AS n
                    UNION
                    SELECT o.company_id, o.machine_id, o.%1$I FROM former AS o
                )';
    v_time text;
    v_event text;
BEGIN
    FOR v_time IN SELECT DISTINCT t.v1_time FROM _archive.migrated_tables AS t LOOP
        EXECUTE format(c_note_added, 'fn_note_insert_' || v_time, v_time);
        EXECUTE format(c_note_changed, 'fn_note_update_' || v_time, v_time, format(c_both, v_time));
        EXECUTE format(c_note_changed, 'fn_note_delete_' || v_time, v_time, 'changed');
        FOREACH v_event IN ARRAY ARRAY['insert', 'update', 'delete'] LOOP
            EXECUTE format('REVOKE ALL ON FUNCTION _stage.%I() FROM PUBLIC',
                format('fn_note_%s_%s', v_event, v_time));
        END LOOP;
    END LOOP;
END
$functions$;
