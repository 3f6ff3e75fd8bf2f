CREATE TABLE silver.machine_tool_usage (
    logical_date date NOT NULL,
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    event_time timestamptz NOT NULL,
    tool_no text NOT NULL,
    target_count integer,
    actual_count integer,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT machine_tool_usage_machine_iot_id_event_time_tool_no_key
        UNIQUE (machine_iot_id, event_time, tool_no)
);

COMMENT ON TABLE silver.machine_tool_usage IS 'One row per reading of a tool''s life counter';
COMMENT ON COLUMN silver.machine_tool_usage.logical_date IS
    'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_tool_usage.shift_id IS
    '0: no shift of the plant covers event_time';
