-- A source sets what it knows: not the id, not the time of arrival.
GRANT INSERT (
    kafka_partition, kafka_offset, device_id, machine_iot_id,
    event_time, part_count, rej_count, pot, ot, ct
) ON bronze.raw_machine_focas TO setu_ingest;

GRANT SELECT ON bronze.raw_machine_focas TO setu_etl;
-- Sending a rejected row through again is an insert like any other.
GRANT INSERT ON bronze.raw_machine_focas TO setu_etl;
-- The fence reads the sequence; it never draws from it.
GRANT SELECT ON SEQUENCE bronze.raw_machine_focas_id_seq TO setu_etl;
