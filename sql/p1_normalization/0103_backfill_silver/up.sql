-- what: migrates v1's older rows, chunk by chunk, newest first, each chunk its own transaction
-- why: 500 million rows in one transaction would hold back vacuum for hours and lose all when killed
-- transaction: no (each chunk commits; run again, it goes on with the chunks that are left)
-- lock: none but row locks on v2's own rows
-- down: the rows stay in v2; only the record of what was migrated goes
-- @include sql/p1_normalization/shared/backfill_procedure.sql

CALL _stage.backfill();
