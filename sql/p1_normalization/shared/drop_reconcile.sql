-- lint: allow plain-drop: the step may have stopped before
DROP PROCEDURE IF EXISTS _stage.reconcile_rows();
-- lint: allow plain-drop: the step may have stopped before
DROP FUNCTION IF EXISTS _stage.keep_differing();
-- lint: allow plain-drop: the step may have stopped before
DROP FUNCTION IF EXISTS _stage.reconcile(text, timestamptz, timestamptz);
