-- what: drops the action
-- why: mirrors the step up; what is rolled up stays valid
-- transaction: yes
-- lock: none
-- down: undone by upgrading again

-- lint: allow plain-drop: the step may have stopped before
DROP PROCEDURE IF EXISTS gold.sp_roll_up(integer, jsonb);
