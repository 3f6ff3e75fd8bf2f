-- New: flat and typed, in place of JSON in bronze.raw_telemetry. Everything that a source sends is
-- nullable but its identity: bronze takes what arrives.
CREATE TABLE bronze.raw_machine_status (
    id bigint NOT NULL,  -- an identity column: see ../Identity
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    kafka_partition integer,
    kafka_offset bigint,
    device_id text NOT NULL,
    machine_iot_id bigint NOT NULL,
    event_time timestamptz,
    program_no text,
    status text,
    operator_id text,
    target bigint
);

COMMENT ON TABLE bronze.raw_machine_status IS 'Running status as gateways send it';
COMMENT ON COLUMN bronze.raw_machine_status.time IS 'Arrival; the report itself may be weeks old';
