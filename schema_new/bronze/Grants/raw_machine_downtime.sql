-- A source sets what it knows: not the id, not the time of arrival. Nor does a row that setu_etl
-- sends through again.
GRANT INSERT (
    kafka_partition, kafka_offset, device_id, machine_iot_id,
    down_start, down_end, program_no, down_code, down_id, down_threshold
) ON bronze.raw_machine_downtime TO setu_ingest, setu_etl;

GRANT SELECT ON bronze.raw_machine_downtime TO setu_etl;
-- The fence reads the sequence; it never draws from it.
GRANT SELECT ON SEQUENCE bronze.raw_machine_downtime_id_seq TO setu_etl;
