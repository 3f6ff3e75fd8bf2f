-- what: deletes the numbers
-- why: v1 is live and moves on
-- transaction: yes
-- lock: none
-- down: undone by upgrading again, which counts again

-- lint: allow plain-drop: the step may have stopped before
DROP PROCEDURE IF EXISTS _stage.reconcile_rows();
-- lint: allow plain-drop: the step may have stopped before
DROP FUNCTION IF EXISTS _stage.keep_differing();
-- lint: allow plain-drop: the step may have stopped before
DROP FUNCTION IF EXISTS _stage.reconcile(text, timestamptz, timestamptz);

DELETE FROM _archive.row_reconciliation;
