-- New: flat and typed, in place of JSON in bronze.raw_telemetry. Everything that a source sends is
-- nullable but its identity: bronze takes what arrives.
CREATE TABLE bronze.raw_machine_downtime (
    id bigint NOT NULL,  -- an identity column: see ../Identity
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
