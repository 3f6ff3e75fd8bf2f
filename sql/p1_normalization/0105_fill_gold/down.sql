-- what: drops the procedure that fills the aggregates
-- why: mirrors the step up
-- transaction: yes
-- lock: none
-- down: undone by upgrading again
DROP PROCEDURE IF EXISTS _stage.fill_gold();
DROP TABLE IF EXISTS _stage.gold_pieces;
