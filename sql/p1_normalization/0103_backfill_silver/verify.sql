-- what: no time range of v1 is left to migrate
DO $verify$
DECLARE
    v_left text;
BEGIN
    IF to_regclass('_stage.backfill_progress') IS NULL THEN
        -- Past the swap: the numbers of 0106 and 0109 speak for the rows.
        IF to_regclass('_archive.machine_cycles') IS NULL
            AND to_regclass('_archive.dropped_tables') IS NULL
        THEN
            RAISE EXCEPTION 'neither the backfill''s progress nor v1''s archived cycles are there';
        END IF;
        RETURN;
    END IF;
    IF to_regprocedure('_stage.backfill()') IS NULL THEN
        RAISE EXCEPTION 'the backfill has not run';
    END IF;
    SELECT string_agg(format('%s from %s', p.table_name, p.range_start), ', ' ORDER BY p.range_start)
    INTO v_left
    FROM _stage.backfill_progress AS p
    WHERE p.finished_at IS NULL;
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'chunks of v1 are not migrated yet'
            USING DETAIL = v_left, HINT = 'Run alembic upgrade again: it goes on where it stopped';
    END IF;
END
$verify$;
