-- New: flat and typed, in place of JSON in bronze.raw_telemetry. raw_machine_cycles.sql explains
-- what all ten tables share.
-- @section table
CREATE TABLE bronze.raw_machine_focas (
    id bigint NOT NULL,  -- an identity column: see section identity
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    kafka_partition integer,
    kafka_offset bigint,
    device_id text NOT NULL,
    machine_iot_id bigint NOT NULL,
    event_time timestamptz,
    part_count double precision,
    rej_count double precision,
    pot double precision,
    ot double precision,
    ct double precision
);

COMMENT ON TABLE bronze.raw_machine_focas IS
    'What a control''s FOCAS reports, as gateways send it: amounts of an interval, not readings '
    'of a running counter';
COMMENT ON COLUMN bronze.raw_machine_focas.time IS 'Arrival; the interval itself may be weeks old';
COMMENT ON COLUMN bronze.raw_machine_focas.id IS 'Number of arrival, drawn by the database';
COMMENT ON COLUMN bronze.raw_machine_focas.kafka_partition IS
    'Partition of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_focas.kafka_offset IS
    'Offset of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_focas.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN bronze.raw_machine_focas.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN bronze.raw_machine_focas.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN bronze.raw_machine_focas.part_count IS 'Parts made in the interval';
COMMENT ON COLUMN bronze.raw_machine_focas.rej_count IS 'Of these, rejected';
COMMENT ON COLUMN bronze.raw_machine_focas.pot IS 'Power-on time of the interval in seconds';
COMMENT ON COLUMN bronze.raw_machine_focas.ot IS 'Operating time of the interval in seconds';
COMMENT ON COLUMN bronze.raw_machine_focas.ct IS 'Cutting time of the interval in seconds';

-- @section identity
ALTER TABLE bronze.raw_machine_focas
    ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (CACHE 1);

-- @section hypertable
SELECT create_hypertable(
    relation => 'bronze.raw_machine_focas',
    dimension => by_range('time', current_setting('setu.bronze_chunk_interval')::interval),
    create_default_indexes => false,
    migrate_data => true
);

-- @section indexes
CREATE INDEX raw_machine_focas_id_time_idx ON bronze.raw_machine_focas (id, time DESC);

-- @section grants
GRANT INSERT (
    kafka_partition, kafka_offset, device_id, machine_iot_id,
    event_time, part_count, rej_count, pot, ot, ct
) ON bronze.raw_machine_focas TO setu_ingest, setu_etl;

GRANT SELECT ON bronze.raw_machine_focas TO setu_etl;
GRANT SELECT ON SEQUENCE bronze.raw_machine_focas_id_seq TO setu_etl;

-- @section column_store
-- @community
ALTER TABLE bronze.raw_machine_focas SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'id'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'bronze.raw_machine_focas',
    after => current_setting('setu.bronze_columnstore_after')::interval
);
