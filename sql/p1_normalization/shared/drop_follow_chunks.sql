DROP FUNCTION _stage.rows_to_search(bigint);
DROP FUNCTION _stage.follow_chunks();
DROP FUNCTION _stage.follow_chunk(text, oid);
DROP FUNCTION _stage.range_of(_stage.noted_chunks);
DROP FUNCTION _stage.note_stale(text, timestamptz, timestamptz, text, text);
