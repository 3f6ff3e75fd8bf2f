-- what: fills v2's aggregates and the roll-up of shifts, newest first, piece by piece
-- why: a view reads what is not filled from the whole history of silver
-- transaction: no (each piece commits; a rerun continues with the rest)
-- lock: none that other sessions need
-- down: aggregates and rolled-up shifts keep their data; only the procedures go
-- @include sql/p1_normalization/shared/fill_gold_tables.sql
-- @include sql/p1_normalization/shared/fill_gold.sql

CALL _stage.fill_gold();

SELECT _stage.settle_past_shifts();

DROP PROCEDURE IF EXISTS _stage.sp_roll_up(integer, jsonb);
-- @with gold => _stage, silver => _stage, master => _stage
-- @include schema_new/gold/Stored Procedures/sp_roll_up.sql#procedure
-- @include sql/p1_normalization/shared/fill_shifts.sql
