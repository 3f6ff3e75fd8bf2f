-- New: flat and typed, in place of JSON in bronze.raw_telemetry. Everything that a source sends is
-- nullable but its identity: bronze takes what arrives.
CREATE TABLE bronze.raw_machine_focas (
    id bigint NOT NULL,  -- an identity column: see ../Identity
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

COMMENT ON TABLE bronze.raw_machine_focas IS 'FOCAS counters as gateways send them';
COMMENT ON COLUMN bronze.raw_machine_focas.time IS 'Arrival; the reading itself may be weeks old';
