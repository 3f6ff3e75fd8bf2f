-- what: works v2's aggregates out, newest first, piece by piece
-- why: what is not computed is read through to a whole history of silver
-- transaction: no (each piece commits; run again, it goes on with what is left)
-- lock: none that anybody else wants
-- down: the aggregates keep their data; only the procedure goes
-- @include sql/p1_normalization/shared/fill_gold_tables.sql
-- @include sql/p1_normalization/shared/fill_gold.sql

CALL _stage.fill_gold();
