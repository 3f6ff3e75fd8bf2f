-- New: flat and typed, in place of JSON in bronze.raw_telemetry. raw_machine_cycles.sql explains
-- what all ten tables share.
-- @section table
CREATE TABLE bronze.raw_machine_energy (
    id bigint NOT NULL,  -- an identity column: see section identity
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    kafka_partition integer,
    kafka_offset bigint,
    device_id text NOT NULL,
    machine_iot_id bigint NOT NULL,
    event_time timestamptz,
    category text,
    servo_energy double precision,
    spindle_energy double precision,
    total_energy double precision
);

COMMENT ON TABLE bronze.raw_machine_energy IS 'Energy readings as gateways send them';
COMMENT ON COLUMN bronze.raw_machine_energy.time IS 'Arrival; the reading itself may be weeks old';
COMMENT ON COLUMN bronze.raw_machine_energy.id IS 'Number of arrival, drawn by the database';
COMMENT ON COLUMN bronze.raw_machine_energy.kafka_partition IS
    'Partition of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_energy.kafka_offset IS
    'Offset of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_energy.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN bronze.raw_machine_energy.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN bronze.raw_machine_energy.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN bronze.raw_machine_energy.category IS
    'What the energy went into, as the control names it';
COMMENT ON COLUMN bronze.raw_machine_energy.servo_energy IS 'Energy of the servos in kWh';
COMMENT ON COLUMN bronze.raw_machine_energy.spindle_energy IS 'Energy of the spindle in kWh';
COMMENT ON COLUMN bronze.raw_machine_energy.total_energy IS 'Energy in kWh';

-- @section identity
ALTER TABLE bronze.raw_machine_energy
    ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (CACHE 1);

-- @section hypertable
SELECT create_hypertable(
    relation => 'bronze.raw_machine_energy',
    dimension => by_range('time', current_setting('setu.bronze_chunk_interval')::interval),
    create_default_indexes => false,
    migrate_data => true
);

-- @section indexes
CREATE INDEX raw_machine_energy_id_time_idx ON bronze.raw_machine_energy (id, time DESC);

-- @section grants
GRANT INSERT (
    kafka_partition, kafka_offset, device_id, machine_iot_id,
    event_time, category, servo_energy, spindle_energy, total_energy
) ON bronze.raw_machine_energy TO setu_ingest, setu_etl;

GRANT SELECT ON bronze.raw_machine_energy TO setu_etl;
GRANT SELECT ON SEQUENCE bronze.raw_machine_energy_id_seq TO setu_etl;

-- @section column_store
-- @community
ALTER TABLE bronze.raw_machine_energy SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'id'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'bronze.raw_machine_energy',
    after => current_setting('setu.bronze_columnstore_after')::interval
);
