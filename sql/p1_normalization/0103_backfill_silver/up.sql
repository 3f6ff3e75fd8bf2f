-- what: migrates v1's rows, time range by time range, newest first, each in its own transaction
-- why: 500 million rows in one transaction would hold back vacuum for hours and lose all when killed
-- transaction: no (each range commits; run again, it goes on with the ranges that are left)
-- lock: none but row locks on v2's own rows
-- down: the rows stay in v2; only the record of what was migrated goes
-- @include sql/p1_normalization/shared/backfill.sql

SELECT _stage.plan_backfill();
CALL _stage.backfill();
CALL _stage.catch_up();
