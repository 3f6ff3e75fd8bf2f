DROP PROCEDURE _stage.backfill();
DROP PROCEDURE _stage.compress_rest();
DROP FUNCTION _stage.compress_chunks(text, timestamptz, timestamptz);
DROP FUNCTION _stage.backfill_range(text, timestamptz, timestamptz);
DROP FUNCTION _stage.note_what_is_new(text, timestamptz, timestamptz);
DROP FUNCTION _stage.plan_backfill();
DROP PROCEDURE _stage.build_indexes();
DROP FUNCTION _stage.put_off_indexes(text);
DROP TABLE _stage.unbuilt_indexes;
