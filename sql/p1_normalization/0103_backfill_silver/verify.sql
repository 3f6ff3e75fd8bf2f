-- what: v1's tables note what changes, and no time range of theirs is left to migrate
DO $verify$
DECLARE
    v_left text;
BEGIN
    IF to_regclass('_stage.backfill_progress') IS NULL THEN
        -- After the swap, the numbers of 0106 and 0109 cover the rows.
        IF to_regclass('_archive.machine_cycles') IS NULL
            AND to_regclass('_archive.dropped_tables') IS NULL
        THEN
            RAISE EXCEPTION 'neither the backfill''s progress nor v1''s archived cycles are there';
        END IF;
        RETURN;
    END IF;
    SELECT string_agg(w.name::text, ', ') INTO v_left
    FROM _stage.watched_tables() AS w (name)
    WHERE NOT _stage.is_watched(w.name);
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'tables of v1 do not note what changes in them' USING DETAIL = v_left,
            HINT = 'Downgrade to 0102 and upgrade again, which searches for the changes of v1';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM _stage.backfill_progress AS p) THEN
        RAISE EXCEPTION 'the backfill has not run';
    END IF;
    SELECT string_agg(u.index_name, ', ' ORDER BY u.index_name) INTO v_left
    FROM _stage.unbuilt_indexes AS u;
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'indexes of v2''s tables are not built yet'
            USING DETAIL = v_left, HINT = 'Run alembic upgrade again: it goes on where it stopped';
    END IF;
    SELECT string_agg(
        format('%s from %s', p.table_name, p.range_start), ', ' ORDER BY p.range_start
    )
    INTO v_left
    FROM _stage.backfill_progress AS p
    WHERE p.finished_at IS NULL;
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'chunks of v1 are not migrated yet'
            USING DETAIL = v_left, HINT = 'Run alembic upgrade again: it goes on where it stopped';
    END IF;
END
$verify$;
