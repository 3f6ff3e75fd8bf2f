-- A source sets what it knows: not the id, not the time of arrival.
GRANT INSERT (
    kafka_partition, kafka_offset, device_id, machine_iot_id,
    event_time, status, pm_corrected_count, pm_pending_count
) ON bronze.raw_machine_pm_status TO setu_ingest;

GRANT SELECT ON bronze.raw_machine_pm_status TO setu_etl;
-- Sending a rejected row through again is an insert like any other.
GRANT INSERT ON bronze.raw_machine_pm_status TO setu_etl;
-- The fence reads the sequence; it never draws from it.
GRANT SELECT ON SEQUENCE bronze.raw_machine_pm_status_id_seq TO setu_etl;
