-- New: flat and typed, in place of JSON in bronze.raw_telemetry. Everything that a source sends is
-- nullable but its identity: bronze takes what arrives.
CREATE TABLE bronze.raw_machine_energy (
    id bigint NOT NULL,  -- an identity column: see ../Identity
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
