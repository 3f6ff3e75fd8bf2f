-- New: flat and typed, in place of JSON in bronze.raw_telemetry. raw_machine_cycles.sql explains
-- what all ten tables share.
-- @section table
CREATE TABLE bronze.raw_machine_downtime (
    id bigint NOT NULL,  -- an identity column: see section identity
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    kafka_partition integer,
    kafka_offset bigint,
    device_id text NOT NULL,
    machine_iot_id bigint NOT NULL,
    down_start timestamptz,
    down_end timestamptz,
    program_no text,
    down_code text,
    down_id bigint,
    down_threshold bigint
);

COMMENT ON TABLE bronze.raw_machine_downtime IS 'Stops as gateways send them';
COMMENT ON COLUMN bronze.raw_machine_downtime.time IS 'Arrival; the stop itself may be weeks old';
COMMENT ON COLUMN bronze.raw_machine_downtime.id IS 'Number of arrival, drawn by the database';
COMMENT ON COLUMN bronze.raw_machine_downtime.kafka_partition IS
    'Partition of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_downtime.kafka_offset IS
    'Offset of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_downtime.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN bronze.raw_machine_downtime.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN bronze.raw_machine_downtime.down_start IS 'When the stop began';
COMMENT ON COLUMN bronze.raw_machine_downtime.down_end IS
    'When the stop ended; null while it lasts';
COMMENT ON COLUMN bronze.raw_machine_downtime.program_no IS 'Program on the control';
COMMENT ON COLUMN bronze.raw_machine_downtime.down_code IS 'Downtime code, as text';
COMMENT ON COLUMN bronze.raw_machine_downtime.down_id IS
    'Number of the code, as the company''s gateways mean it';
COMMENT ON COLUMN bronze.raw_machine_downtime.down_threshold IS
    'Seconds without a cycle after which the machine counts as stopped';

-- @section identity
ALTER TABLE bronze.raw_machine_downtime
    ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (CACHE 1);

-- @section hypertable
SELECT create_hypertable(
    relation => 'bronze.raw_machine_downtime',
    dimension => by_range('time', current_setting('setu.bronze_chunk_interval')::interval),
    create_default_indexes => false,
    migrate_data => true
);

-- @section indexes
CREATE INDEX raw_machine_downtime_id_time_idx ON bronze.raw_machine_downtime (id, time DESC);

-- @section grants
GRANT INSERT (
    kafka_partition, kafka_offset, device_id, machine_iot_id,
    down_start, down_end, program_no, down_code, down_id, down_threshold
) ON bronze.raw_machine_downtime TO setu_ingest, setu_etl;

GRANT SELECT ON bronze.raw_machine_downtime TO setu_etl;
GRANT SELECT ON SEQUENCE bronze.raw_machine_downtime_id_seq TO setu_etl;

-- @section column_store
-- @community
ALTER TABLE bronze.raw_machine_downtime SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'id'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'bronze.raw_machine_downtime',
    after => current_setting('setu.bronze_columnstore_after')::interval
);
