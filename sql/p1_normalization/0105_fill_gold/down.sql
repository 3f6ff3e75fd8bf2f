-- what: drops the procedure that fills the aggregates
-- why: mirrors the step up
-- transaction: yes
-- lock: none
-- down: undone by upgrading again
DROP PROCEDURE _stage.fill_gold();
DROP TABLE _stage.gold_pieces;
