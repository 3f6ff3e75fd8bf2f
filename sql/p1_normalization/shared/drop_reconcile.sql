DROP PROCEDURE _stage.reconcile_rows();
DROP FUNCTION _stage.reconcile(text, timestamptz, timestamptz);
