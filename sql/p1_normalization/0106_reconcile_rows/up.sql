-- what: compares the keys of v1 and v2, range by range, brings v2 up to date, and counts v1's rows
-- why: a difference is found before the swap, and numbers show that no row was lost
-- transaction: no (each range commits; a rerun compares again)
-- lock: none
-- down: the numbers go
-- @include sql/p1_normalization/shared/reconcile.sql

CALL _stage.reconcile_rows();
