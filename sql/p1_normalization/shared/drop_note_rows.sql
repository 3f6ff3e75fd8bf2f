DROP FUNCTION _stage.fn_note_truncate();
DROP FUNCTION _stage.fn_note_downtime_updates();
DROP FUNCTION _stage.fn_note_downtimes();
DROP FUNCTION _stage.fn_note_cycle_updates();
DROP FUNCTION _stage.fn_note_cycle_rows();
DROP FUNCTION _stage.fn_note_updates();
DROP FUNCTION _stage.fn_note_rows();
DROP TABLE _stage.noted_rows;
