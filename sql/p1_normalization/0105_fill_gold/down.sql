-- what: drops the procedures that fill the aggregates and the roll-up
-- why: mirrors the step up
-- transaction: yes
-- lock: none
-- down: undone by upgrading again

-- lint: allow plain-drop: the step may have stopped before
DROP PROCEDURE IF EXISTS _stage.fill_gold();
-- lint: allow plain-drop: the step may have stopped before
DROP TABLE IF EXISTS _stage.gold_pieces;
-- lint: allow plain-drop: the step may have stopped before
DROP PROCEDURE IF EXISTS _stage.sp_roll_up(integer, jsonb);
