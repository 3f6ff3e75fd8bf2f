DROP PROCEDURE _stage.fill_gold();
DROP TABLE _stage.gold_pieces;
