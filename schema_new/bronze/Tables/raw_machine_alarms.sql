-- New: flat and typed, in place of JSON in bronze.raw_telemetry. Everything that a source sends is
-- nullable but its identity: bronze takes what arrives.
CREATE TABLE bronze.raw_machine_alarms (
    id bigint NOT NULL,  -- an identity column: see ../Identity
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    kafka_partition integer,
    kafka_offset bigint,
    device_id text NOT NULL,
    machine_iot_id bigint NOT NULL,
    event_time timestamptz,
    alarm_no text,
    alarm_desc text
);

COMMENT ON TABLE bronze.raw_machine_alarms IS 'Alarms as gateways send them';
COMMENT ON COLUMN bronze.raw_machine_alarms.time IS 'Arrival; the alarm itself may be weeks old';
