-- New: ids that were the highest drawn at some moment, with the transactions that were still open
-- then. Once those have ended, every id up to the reading is decided.
-- @section table
CREATE TABLE _etl.fence_readings (
    pipeline text NOT NULL,
    fence_id bigint NOT NULL,
    read_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    server_started_at timestamptz NOT NULL,
    holders text[] NOT NULL,
    CONSTRAINT fence_readings_pkey PRIMARY KEY (pipeline, fence_id),
    CONSTRAINT fence_readings_pipeline_fkey
        FOREIGN KEY (pipeline) REFERENCES _etl.watermarks (pipeline)
);

COMMENT ON TABLE _etl.fence_readings IS
    'Readings of the id sequences; one without holders is the bound known to be safe';
COMMENT ON COLUMN _etl.fence_readings.holders IS
    'Virtual transactions that may still commit an id up to this one; -1/xid: a prepared one';
COMMENT ON COLUMN _etl.fence_readings.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.fence_readings.fence_id IS
    'Ids up to this one are complete once the holders have ended';
COMMENT ON COLUMN _etl.fence_readings.read_at IS 'When the sequence was read';
COMMENT ON COLUMN _etl.fence_readings.server_started_at IS
    'Start of the server that the reading holds for';

-- @section grants
GRANT SELECT, INSERT, UPDATE, DELETE ON _etl.fence_readings TO setu_etl;
