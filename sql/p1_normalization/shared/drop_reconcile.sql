DROP PROCEDURE _stage.reconcile_rows();
DROP FUNCTION _stage.keep_differing();
DROP FUNCTION _stage.reconcile(text, timestamptz, timestamptz);
