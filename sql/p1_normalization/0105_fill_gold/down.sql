-- what: drops the procedure that fills the aggregates
-- why: mirrors the step up
-- transaction: yes
-- lock: none
-- down: undone by upgrading again

-- lint: allow plain-drop: the step may have stopped before
DROP PROCEDURE IF EXISTS _stage.fill_gold();
-- lint: allow plain-drop: the step may have stopped before
DROP TABLE IF EXISTS _stage.gold_pieces;
