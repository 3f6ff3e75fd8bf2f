-- New: flat and typed, in place of JSON in bronze.raw_telemetry. Everything that a source sends is
-- nullable but its identity: bronze takes what arrives.
CREATE TABLE bronze.raw_machine_focas_program_production (
    id bigint NOT NULL,  -- an identity column: see ../Identity
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
    'FOCAS counters by program as gateways send them';
COMMENT ON COLUMN bronze.raw_machine_focas_program_production.time IS
    'Arrival; the reading itself may be weeks old';
