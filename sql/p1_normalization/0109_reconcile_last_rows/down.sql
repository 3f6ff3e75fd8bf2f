-- what: drops the functions that count; the numbers stay until v1 is live
-- why: mirrors the step up
-- transaction: yes
-- lock: none
-- down: undone by upgrading again
DROP PROCEDURE _archive.reconcile_rows();
DROP FUNCTION _archive.reconcile(text, timestamptz, timestamptz);
