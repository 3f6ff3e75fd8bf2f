-- what: drops the triggers on v1's tables, and records up to when v2 has followed v1
-- why: v1 is left alone; the next upgrade looks for what it has changed since
-- transaction: no (each table commits; a rerun continues with the tables that remain)
-- lock: ACCESS EXCLUSIVE on one table of v1 after the other, to drop its triggers: milliseconds
-- down: undone by upgrading again
DO $until$
BEGIN
    -- A row that is not noted was written by a transaction that runs now, or comes later.
    IF NOT EXISTS (
        SELECT 1 FROM _stage.watched_tables() AS w (name) WHERE NOT _stage.is_watched(w.name)
    )
    THEN
        DELETE FROM _archive.migrated_until;
        INSERT INTO _archive.migrated_until (oldest_running)
        SELECT pg_snapshot_xmin(pg_current_snapshot());
    END IF;
END
$until$;

CALL _stage.watch_v1(false);

DO $notes$
BEGIN
    PERFORM _stage.follow_chunks();
    INSERT INTO _archive.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT n.table_name, n.company_id, n.machine_id, n.at, n.inserted FROM _stage.noted_rows AS n
    UNION ALL
    SELECT f.table_name, f.company_id, f.machine_id, f.event_time, false
    FROM _stage.migrate_failures AS f;
    DELETE FROM _stage.noted_rows;
    DELETE FROM _stage.migrate_failures;
    DELETE FROM _stage.backfill_progress;
END
$notes$;

-- Left by a backfill that did not end.
CALL _stage.build_indexes();
