-- @section table
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
COMMENT ON COLUMN silver.machine_tool_usage.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN silver.machine_tool_usage.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN silver.machine_tool_usage.shift_name IS 'Name of the shift';
COMMENT ON COLUMN silver.machine_tool_usage.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN silver.machine_tool_usage.tool_no IS 'Tool, as the control names it';
COMMENT ON COLUMN silver.machine_tool_usage.target_count IS
    'Pieces that the tool may cut in its life';
COMMENT ON COLUMN silver.machine_tool_usage.actual_count IS
    'Pieces that the tool has cut in its life';
COMMENT ON COLUMN silver.machine_tool_usage.created_at IS 'When the row was added';

-- @section hypertable
SELECT create_hypertable(
    relation => 'silver.machine_tool_usage',
    dimension => by_range('event_time', INTERVAL '1 month'),
    create_default_indexes => false
);

-- @section indexes
CREATE INDEX machine_tool_usage_event_time_idx ON silver.machine_tool_usage (event_time DESC);

-- @section grants
GRANT SELECT, INSERT, UPDATE ON silver.machine_tool_usage TO setu_etl;
GRANT SELECT ON silver.machine_tool_usage TO setu_reader;

-- @section column_store
-- @community
ALTER TABLE silver.machine_tool_usage SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'event_time'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.machine_tool_usage',
    after => current_setting('setu.silver_columnstore_after')::interval
);

-- @section retention
-- @community
SELECT add_retention_policy(
    relation => 'silver.machine_tool_usage',
    drop_after => current_setting('setu.silver_retention')::interval,
    initial_start => date_trunc('day', clock_timestamp()) + INTERVAL '1 day 4 hours'
);
