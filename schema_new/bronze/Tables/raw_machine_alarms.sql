-- New: flat and typed, in place of JSON in bronze.raw_telemetry. raw_machine_cycles.sql explains
-- what all ten tables share.
-- @section table
CREATE TABLE bronze.raw_machine_alarms (
    id bigint NOT NULL,  -- an identity column: see section identity
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    kafka_partition integer,
    kafka_offset bigint,
    device_id text NOT NULL,
    machine_iot_id bigint NOT NULL,
    event_time timestamptz,
    alarm_no text,
    alarm_desc text
);

COMMENT ON TABLE bronze.raw_machine_alarms IS 'Alarms as gateways send them';
COMMENT ON COLUMN bronze.raw_machine_alarms.time IS 'Arrival; the alarm itself may be weeks old';
COMMENT ON COLUMN bronze.raw_machine_alarms.id IS 'Number of arrival, drawn by the database';
COMMENT ON COLUMN bronze.raw_machine_alarms.kafka_partition IS
    'Partition of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_alarms.kafka_offset IS
    'Offset of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_alarms.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN bronze.raw_machine_alarms.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN bronze.raw_machine_alarms.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN bronze.raw_machine_alarms.alarm_no IS 'Number of the alarm at the control';
COMMENT ON COLUMN bronze.raw_machine_alarms.alarm_desc IS 'What the control says of the alarm';

-- @section identity
ALTER TABLE bronze.raw_machine_alarms
    ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (CACHE 1);

-- @section hypertable
SELECT create_hypertable(
    relation => 'bronze.raw_machine_alarms',
    dimension => by_range('time', current_setting('setu.bronze_chunk_interval')::interval),
    create_default_indexes => false,
    migrate_data => true
);

-- @section indexes
CREATE INDEX raw_machine_alarms_id_time_idx ON bronze.raw_machine_alarms (id, time DESC);

-- @section grants
GRANT INSERT (
    kafka_partition, kafka_offset, device_id, machine_iot_id,
    event_time, alarm_no, alarm_desc
) ON bronze.raw_machine_alarms TO setu_ingest, setu_etl;

GRANT SELECT ON bronze.raw_machine_alarms TO setu_etl;
GRANT SELECT ON SEQUENCE bronze.raw_machine_alarms_id_seq TO setu_etl;

-- @section column_store
-- @community
ALTER TABLE bronze.raw_machine_alarms SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'id'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'bronze.raw_machine_alarms',
    after => current_setting('setu.bronze_columnstore_after')::interval
);
