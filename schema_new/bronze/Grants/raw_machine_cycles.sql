-- A source sets what it knows: not the id, not the time of arrival. Nor does a row that setu_etl
-- sends through again.
GRANT INSERT (
    kafka_partition, kafka_offset, device_id, machine_iot_id,
    cycle_start, cycle_end, program_no, std_load_unload, std_cycle_time, down_threshold
) ON bronze.raw_machine_cycles TO setu_ingest, setu_etl;
-- After a crash it asks how far it had come.
GRANT SELECT (kafka_partition, kafka_offset) ON bronze.raw_machine_cycles TO setu_ingest;

GRANT SELECT ON bronze.raw_machine_cycles TO setu_etl;
-- The fence reads the sequence; it never draws from it.
GRANT SELECT ON SEQUENCE bronze.raw_machine_cycles_id_seq TO setu_etl;
