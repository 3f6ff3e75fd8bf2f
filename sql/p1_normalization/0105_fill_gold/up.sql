-- what: fills v2's aggregates, newest first, piece by piece
-- why: a view reads buckets that are not filled from the whole history of silver
-- transaction: no (each piece commits; a rerun continues with the rest)
-- lock: none that other sessions need
-- down: the aggregates keep their data; only the procedure goes
-- @include sql/p1_normalization/shared/fill_gold_tables.sql
-- @include sql/p1_normalization/shared/fill_gold.sql

CALL _stage.fill_gold();
