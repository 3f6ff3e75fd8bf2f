-- New: with asynchronous commit a crash can lose rows that Kafka counts as delivered; this shows
-- what is stored.
CREATE VIEW _etl.v_kafka_offsets AS
SELECT o.source_table, o.kafka_partition, o.kafka_offset, o.stored_at
FROM _etl.fn_kafka_offsets() AS o;

COMMENT ON VIEW _etl.v_kafka_offsets IS
    'Last stored offset of each Kafka partition in the hour before the last row: a sink '
    'resumes after it. Partition null: all others, which resume by time, from stored_at';
COMMENT ON COLUMN _etl.v_kafka_offsets.source_table IS 'Table of bronze that is read';
COMMENT ON COLUMN _etl.v_kafka_offsets.kafka_partition IS
    'Partition of the messages; null: all others';
COMMENT ON COLUMN _etl.v_kafka_offsets.kafka_offset IS
    'Last stored offset; null: all other partitions, which resume by time';
COMMENT ON COLUMN _etl.v_kafka_offsets.stored_at IS
    'When the row of that offset arrived; of all other partitions: an hour before the last row';
GRANT SELECT ON _etl.v_kafka_offsets TO setu_etl, setu_reader;
