DROP FUNCTION _stage.fn_note_master();
DROP TABLE _stage.noted_masters;
