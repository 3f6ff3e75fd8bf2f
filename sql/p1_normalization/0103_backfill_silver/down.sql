-- what: forgets what was migrated, so that the next upgrade looks at every chunk again
-- why: v1 may gain rows before then; migrating a row twice does no harm, forgetting one would
-- transaction: yes
-- lock: none that anybody else wants
-- down: undone by upgrading again
DROP FUNCTION _stage.migrate_late_machines(timestamptz);
DROP PROCEDURE _stage.backfill();
UPDATE _stage.backfill_progress SET rows_migrated = NULL, finished_at = NULL;
