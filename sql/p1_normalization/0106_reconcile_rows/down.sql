-- what: deletes the numbers
-- why: v1 is live and moves on
-- transaction: yes
-- lock: none
-- down: undone by upgrading again, which counts again
-- @include sql/p1_normalization/shared/drop_reconcile.sql
DELETE FROM _archive.row_reconciliation;
