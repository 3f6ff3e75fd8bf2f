-- New: bronze chunks that retention could not drop, each with its reason, so that one of them never
-- holds up the others and none is forgotten.
CREATE TABLE _etl.kept_chunks (
    pipeline text NOT NULL,
    chunk text NOT NULL,
    range_end timestamptz NOT NULL,
    reason text NOT NULL,
    first_kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT kept_chunks_pkey PRIMARY KEY (pipeline, chunk)
);

COMMENT ON TABLE _etl.kept_chunks IS
    'Bronze chunks older than their retention that could not be dropped';
COMMENT ON COLUMN _etl.kept_chunks.reason IS
    'not loaded, locked, or SQLSTATE and message of the error';
COMMENT ON COLUMN _etl.kept_chunks.range_end IS 'All its rows arrived before';
COMMENT ON COLUMN _etl.kept_chunks.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.kept_chunks.chunk IS 'Name of the chunk';
COMMENT ON COLUMN _etl.kept_chunks.first_kept_at IS 'When it was due for the first time';
COMMENT ON COLUMN _etl.kept_chunks.last_kept_at IS 'When it stayed last';
