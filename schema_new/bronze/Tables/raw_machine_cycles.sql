-- New: flat and typed, in place of JSON in bronze.raw_telemetry. Everything that a source sends is
-- nullable but its identity: bronze takes what arrives.
CREATE TABLE bronze.raw_machine_cycles (
    id bigint NOT NULL,  -- an identity column: see ../Identity
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
