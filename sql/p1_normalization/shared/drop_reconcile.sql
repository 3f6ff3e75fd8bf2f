DROP PROCEDURE IF EXISTS _stage.reconcile_rows();
DROP FUNCTION IF EXISTS _stage.keep_differing();
DROP FUNCTION IF EXISTS _stage.reconcile(text, timestamptz, timestamptz);
