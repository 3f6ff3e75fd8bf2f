-- New: flat and typed, in place of JSON in bronze.raw_telemetry. Every column that a source sends
-- is nullable, except its identity: bronze accepts what arrives.
-- @section table
CREATE TABLE bronze.raw_machine_cycles (
    id bigint NOT NULL,  -- an identity column: see section identity
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    kafka_partition integer,
    kafka_offset bigint,
    device_id text NOT NULL,
    machine_iot_id bigint NOT NULL,
    cycle_start timestamptz,
    cycle_end timestamptz,
    program_no text,
    std_load_unload bigint,
    std_cycle_time bigint,
    down_threshold bigint
);

COMMENT ON TABLE bronze.raw_machine_cycles IS 'Machining cycles as gateways send them';
COMMENT ON COLUMN bronze.raw_machine_cycles.time IS 'Arrival; the cycle itself may be weeks old';
COMMENT ON COLUMN bronze.raw_machine_cycles.id IS 'Number of arrival, drawn by the database';
COMMENT ON COLUMN bronze.raw_machine_cycles.kafka_partition IS
    'Partition of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_cycles.kafka_offset IS
    'Offset of the message; null: it did not come by Kafka';
COMMENT ON COLUMN bronze.raw_machine_cycles.device_id IS 'Gateway, as it names itself';
COMMENT ON COLUMN bronze.raw_machine_cycles.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN bronze.raw_machine_cycles.cycle_start IS 'When the cycle began';
COMMENT ON COLUMN bronze.raw_machine_cycles.cycle_end IS
    'When the cycle ended; null while it lasts';
COMMENT ON COLUMN bronze.raw_machine_cycles.program_no IS 'Program on the control';
COMMENT ON COLUMN bronze.raw_machine_cycles.std_load_unload IS
    'Seconds that loading and unloading should take';
COMMENT ON COLUMN bronze.raw_machine_cycles.std_cycle_time IS 'Seconds that the cycle should take';
COMMENT ON COLUMN bronze.raw_machine_cycles.down_threshold IS
    'Seconds without a cycle after which the machine counts as stopped';

-- @section identity
-- The order of the sweep. CACHE 1: a cached block of ids would be drawn long before it is used, and
-- the fence of the sweep could not tell which of them are still to come.
ALTER TABLE bronze.raw_machine_cycles
    ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (CACHE 1);

-- @section hypertable
SELECT create_hypertable(
    relation => 'bronze.raw_machine_cycles',
    dimension => by_range('time', current_setting('setu.bronze_chunk_interval')::interval),
    create_default_indexes => false,
    migrate_data => true
);

-- @section indexes
-- The sweep reads by id; with time in the index, the bound on it needs no look at the row.
CREATE INDEX raw_machine_cycles_id_time_idx ON bronze.raw_machine_cycles (id, time DESC);

-- @section grants
-- A source sets neither the id nor the time of arrival. Nor does setu_etl when it resends a row.
GRANT INSERT (
    kafka_partition, kafka_offset, device_id, machine_iot_id,
    cycle_start, cycle_end, program_no, std_load_unload, std_cycle_time, down_threshold
) ON bronze.raw_machine_cycles TO setu_ingest, setu_etl;
-- After a crash it reads the last stored offset.
GRANT SELECT (kafka_partition, kafka_offset) ON bronze.raw_machine_cycles TO setu_ingest;

GRANT SELECT ON bronze.raw_machine_cycles TO setu_etl;
-- The fence reads the sequence; it never draws from it.
GRANT SELECT ON SEQUENCE bronze.raw_machine_cycles_id_seq TO setu_etl;

-- @section column_store
-- Ordered by id, each batch of the column store knows its lowest and highest id.
-- @community
ALTER TABLE bronze.raw_machine_cycles SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'id'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'bronze.raw_machine_cycles',
    after => current_setting('setu.bronze_columnstore_after')::interval
);
