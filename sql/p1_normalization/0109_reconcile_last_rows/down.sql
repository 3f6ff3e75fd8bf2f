-- what: drops the functions that count; the numbers stay until v1 is live
-- why: mirrors the step up
-- transaction: yes
-- lock: none
-- down: undone by upgrading again

-- lint: allow plain-drop: the step may have stopped before
DROP PROCEDURE IF EXISTS _archive.reconcile_rows();
-- lint: allow plain-drop: the step may have stopped before
DROP FUNCTION IF EXISTS _archive.reconcile(text, timestamptz, timestamptz);
