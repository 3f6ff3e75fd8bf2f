-- what: compares the keys of v1 and v2, range by range, brings v2 up to date, and counts v1's rows
-- why: what differs is found before the swap, and that nothing was lost is shown with numbers
-- transaction: no (each range commits; run again, it compares again)
-- lock: none
-- down: the numbers go
-- @include sql/p1_normalization/shared/reconcile.sql

CALL _stage.reconcile_rows();
