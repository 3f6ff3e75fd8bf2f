-- New: flat and typed, in place of JSON in bronze.raw_telemetry. raw_machine_cycles.sql explains
-- what all ten tables share.
-- @section table
CREATE TABLE bronze.raw_machine_pm_status (
    id bigint NOT NULL,  -- an identity column: see section identity
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    kafka_partition integer,
    kafka_offset bigint,
    device_id text NOT NULL,
    machine_iot_id bigint NOT NULL,
    event_time timestamptz,
    status text,
    pm_corrected_count bigint,
    pm_pending_count bigint
);

COMMENT ON TABLE bronze.raw_machine_pm_status IS 'Preventive maintenance as gateways send it';
COMMENT ON COLUMN bronze.raw_machine_pm_status.time IS
    'Arrival; the report itself may be weeks old';
COMMENT ON COLUMN bronze.raw_machine_pm_status.id IS 'Number of arrival, drawn by the database';
COMMENT ON COLUMN bronze.raw_machine_pm_status.kafka_partition IS
    'Partition of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_pm_status.kafka_offset IS
    'Offset of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_pm_status.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN bronze.raw_machine_pm_status.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN bronze.raw_machine_pm_status.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN bronze.raw_machine_pm_status.status IS 'State that was reported';
COMMENT ON COLUMN bronze.raw_machine_pm_status.pm_corrected_count IS
    'Preventive maintenance: points that were put right';
COMMENT ON COLUMN bronze.raw_machine_pm_status.pm_pending_count IS
    'Preventive maintenance: points still open';

-- @section identity
ALTER TABLE bronze.raw_machine_pm_status
    ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (CACHE 1);

-- @section hypertable
SELECT create_hypertable(
    relation => 'bronze.raw_machine_pm_status',
    dimension => by_range('time', current_setting('setu.bronze_chunk_interval')::interval),
    create_default_indexes => false,
    migrate_data => true
);

-- @section indexes
CREATE INDEX raw_machine_pm_status_id_time_idx ON bronze.raw_machine_pm_status (id, time DESC);

-- @section grants
GRANT INSERT (
    kafka_partition, kafka_offset, device_id, machine_iot_id,
    event_time, status, pm_corrected_count, pm_pending_count
) ON bronze.raw_machine_pm_status TO setu_ingest, setu_etl;

GRANT SELECT ON bronze.raw_machine_pm_status TO setu_etl;
GRANT SELECT ON SEQUENCE bronze.raw_machine_pm_status_id_seq TO setu_etl;

-- @section column_store
-- @community
ALTER TABLE bronze.raw_machine_pm_status SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'id'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'bronze.raw_machine_pm_status',
    after => current_setting('setu.bronze_columnstore_after')::interval
);
