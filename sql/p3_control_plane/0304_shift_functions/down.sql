-- what: drops the shift functions
-- why: mirrors the step up
-- transaction: yes
-- lock: none that other sessions need
-- down: undone by upgrading again
DROP FUNCTION master.fn_get_shift_id(integer, timestamptz);
DROP FUNCTION master.fn_get_shift(integer, timestamptz);
