-- New: flat and typed, in place of JSON in bronze.raw_telemetry. raw_machine_cycles.sql explains
-- what all ten tables share.
-- @section table
CREATE TABLE bronze.raw_machine_focas_program_production (
    id bigint NOT NULL,  -- an identity column: see section identity
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    kafka_partition integer,
    kafka_offset bigint,
    device_id text NOT NULL,
    machine_iot_id bigint NOT NULL,
    event_time timestamptz,
    program_no text,
    actual_count bigint,
    target_count bigint,
    std_load_unload bigint,
    std_cycle_time bigint
);

COMMENT ON TABLE bronze.raw_machine_focas_program_production IS
    'What a control''s FOCAS reports by program, as gateways send it: amounts of an interval';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.time IS
    'Arrival; the reading itself may be weeks old';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.id IS
    'Number of arrival, drawn by the database';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.kafka_partition IS
    'Partition of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.kafka_offset IS
    'Offset of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.device_id IS
    'Gateway, as it names itself';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.machine_iot_id IS
    'Key of the machine';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.program_no IS
    'Program on the control';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.actual_count IS 'Pieces made';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.target_count IS 'Pieces to be made';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.std_load_unload IS
    'Seconds that loading and unloading should take';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.std_cycle_time IS
    'Seconds that the cycle should take';

-- @section identity
ALTER TABLE bronze.raw_machine_focas_program_production
    ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (CACHE 1);

-- @section hypertable
SELECT create_hypertable(
    relation => 'bronze.raw_machine_focas_program_production',
    dimension => by_range('time', current_setting('setu.bronze_chunk_interval')::interval),
    create_default_indexes => false,
    migrate_data => true
);

-- @section indexes
CREATE INDEX raw_machine_focas_program_production_id_time_idx
    ON bronze.raw_machine_focas_program_production (id, time DESC);

-- @section grants
GRANT INSERT (
    kafka_partition, kafka_offset, device_id, machine_iot_id,
    event_time, program_no, actual_count, target_count, std_load_unload, std_cycle_time
) ON bronze.raw_machine_focas_program_production TO setu_ingest, setu_etl;

GRANT SELECT ON bronze.raw_machine_focas_program_production TO setu_etl;
GRANT SELECT ON SEQUENCE bronze.raw_machine_focas_program_production_id_seq TO setu_etl;

-- @section column_store
-- @community
ALTER TABLE bronze.raw_machine_focas_program_production SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'id'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'bronze.raw_machine_focas_program_production',
    after => current_setting('setu.bronze_columnstore_after')::interval
);
