-- New: flat and typed, in place of JSON in bronze.raw_telemetry. Everything that a source sends is
-- nullable but its identity: bronze takes what arrives.
CREATE TABLE bronze.raw_machine_tool_usage (
    id bigint NOT NULL,  -- an identity column: see ../Identity
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    kafka_partition integer,
    kafka_offset bigint,
    device_id text NOT NULL,
    machine_iot_id bigint NOT NULL,
    event_time timestamptz,
    tool_no text,
    target_count double precision,
    actual_count double precision
);

COMMENT ON TABLE bronze.raw_machine_tool_usage IS 'Tool counters as gateways send them';
COMMENT ON COLUMN bronze.raw_machine_tool_usage.time IS
    'Arrival; the reading itself may be weeks old';
