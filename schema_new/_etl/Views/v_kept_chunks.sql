-- New: chunks that retention could not drop, with the reason.
CREATE VIEW _etl.v_kept_chunks AS
SELECT k.pipeline, k.chunk, k.range_end, k.reason, k.first_kept_at, k.last_kept_at
FROM _etl.kept_chunks AS k;

COMMENT ON VIEW _etl.v_kept_chunks IS
    'Bronze chunks that were due and could not be dropped at the last attempt, with the reason';
COMMENT ON COLUMN _etl.v_kept_chunks.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.v_kept_chunks.chunk IS 'Name of the chunk';
COMMENT ON COLUMN _etl.v_kept_chunks.range_end IS 'All its rows arrived before';
COMMENT ON COLUMN _etl.v_kept_chunks.reason IS
    'not loaded, locked, or SQLSTATE and message of the error';
COMMENT ON COLUMN _etl.v_kept_chunks.first_kept_at IS 'When it was due for the first time';
COMMENT ON COLUMN _etl.v_kept_chunks.last_kept_at IS 'When it stayed last';
GRANT SELECT ON _etl.v_kept_chunks TO setu_etl, setu_reader;
