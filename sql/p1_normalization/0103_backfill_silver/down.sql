-- what: forgets what was carried, so that the next upgrade looks at every chunk again
-- why: v1 may gain rows before then; carrying a row twice does no harm, forgetting one would
-- transaction: yes
-- lock: none that anybody else wants
-- down: undone by upgrading again
DROP FUNCTION _stage.carry_late_machines(timestamptz);
DROP PROCEDURE _stage.backfill();
UPDATE _stage.backfill_progress SET rows_carried = NULL, finished_at = NULL;
