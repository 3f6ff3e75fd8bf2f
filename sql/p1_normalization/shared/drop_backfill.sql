DROP PROCEDURE _stage.backfill();
DROP FUNCTION _stage.compress_range(text, timestamptz, timestamptz);
DROP FUNCTION _stage.backfill_range(text, timestamptz, timestamptz);
DROP FUNCTION _stage.note_what_is_new(text, timestamptz, timestamptz);
DROP FUNCTION _stage.plan_backfill();
DROP PROCEDURE _stage.build_indexes();
DROP FUNCTION _stage.put_off_indexes(text);
DROP TABLE _stage.unbuilt_indexes;
