-- New: silver's retention drops rows of days that gold keeps. A late row for such a day must not
-- make the roll-up lose the rest of it.
-- @section table
CREATE TABLE gold.rolled_up_chunks (
    chunk text NOT NULL,
    range_start timestamptz NOT NULL,
    range_end timestamptz NOT NULL,
    CONSTRAINT rolled_up_chunks_pkey PRIMARY KEY (chunk)
);

COMMENT ON TABLE gold.rolled_up_chunks IS
    'Chunks of silver that gold.sp_roll_up has seen; where one is gone, only the rolled-up rows '
    'are left';
COMMENT ON COLUMN gold.rolled_up_chunks.chunk IS 'Name of the chunk';
COMMENT ON COLUMN gold.rolled_up_chunks.range_start IS 'First event time that the chunk may have';
COMMENT ON COLUMN gold.rolled_up_chunks.range_end IS 'Event times in the chunk lie before';

-- @section grants
GRANT SELECT, INSERT, DELETE ON gold.rolled_up_chunks TO setu_etl;
GRANT SELECT ON gold.rolled_up_chunks TO setu_reader;
