-- New: the rows that `setu feed` has stored, by content. Offsets do not identify them: files come
-- in any order, topics are recreated, and two brokers may use the same numbers. Ten bytes a row, in
-- the row's transaction.
CREATE TABLE _etl.feed_records (
    record_id bigint GENERATED ALWAYS AS IDENTITY,
    source_table text NOT NULL,
    kafka_partition integer,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    row_digests bytea NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT feed_records_pkey PRIMARY KEY (record_id)
);

-- Digests are random, so compression would not help.
ALTER TABLE _etl.feed_records ALTER COLUMN row_digests SET STORAGE EXTERNAL;

CREATE INDEX feed_records_source_table_kafka_partition_last_position_idx
ON _etl.feed_records (source_table, kafka_partition, last_position);

COMMENT ON TABLE _etl.feed_records IS
    'Rows of gateway files that bronze holds, by content; kept as long as bronze keeps the rows';
COMMENT ON COLUMN _etl.feed_records.kafka_partition IS 'Null: rows without partition and offset';
COMMENT ON COLUMN _etl.feed_records.first_position IS
    'Lowest offset of the rows; where they have none, lowest row number in their file';
COMMENT ON COLUMN _etl.feed_records.last_position IS 'Highest, likewise';
COMMENT ON COLUMN _etl.feed_records.row_digests IS 'Ten bytes a row: BLAKE2b of its values';
COMMENT ON COLUMN _etl.feed_records.stored_at IS 'When the first of the rows was stored';
COMMENT ON COLUMN _etl.feed_records.record_id IS 'Drawn by the database';
COMMENT ON COLUMN _etl.feed_records.source_table IS 'Table of bronze that is read';
