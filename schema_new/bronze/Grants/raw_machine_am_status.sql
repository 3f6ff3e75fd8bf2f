-- A source sets what it knows: not the id, not the time of arrival. Nor does a row that setu_etl
-- sends through again.
GRANT INSERT (
    kafka_partition, kafka_offset, device_id, machine_iot_id,
    event_time, status, am_corrected_count, am_pending_count
) ON bronze.raw_machine_am_status TO setu_ingest, setu_etl;

GRANT SELECT ON bronze.raw_machine_am_status TO setu_etl;
-- The fence reads the sequence; it never draws from it.
GRANT SELECT ON SEQUENCE bronze.raw_machine_am_status_id_seq TO setu_etl;
