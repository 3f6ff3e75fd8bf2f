-- what: v1's tables note what changes; rows migrate range by range, newest first; then the notes
-- why: 500 million rows in one transaction would hold back vacuum for hours, and a kill lose all
-- transaction: no (each range commits; a rerun continues with the ranges that remain)
-- lock: SHARE ROW EXCLUSIVE on v1's tables, one by one, milliseconds, to create triggers
-- down: v1's tables lose the triggers; the rows stay in v2, and what v1 changes is looked for
-- workers: CALL _stage.backfill()
CALL _stage.watch_v1(true);
SELECT _stage.plan_backfill();
CALL _stage.backfill();
CALL _stage.compress_rest();
CALL _stage.build_indexes();
CALL _stage.catch_up();
