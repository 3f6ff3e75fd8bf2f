-- @section table
CREATE TABLE silver.machine_alarms (
    logical_date date NOT NULL,
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    event_time timestamptz NOT NULL,
    alarm_no text NOT NULL DEFAULT '',
    alarm_desc text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT machine_alarms_machine_iot_id_event_time_alarm_no_key
        UNIQUE (machine_iot_id, event_time, alarm_no)
);

COMMENT ON TABLE silver.machine_alarms IS 'One row per alarm that a machine''s control raised';
COMMENT ON COLUMN silver.machine_alarms.logical_date IS
    'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_alarms.shift_id IS '0: no shift of the plant covers event_time';
COMMENT ON COLUMN silver.machine_alarms.alarm_no IS
    'Empty where the control sent none: null would let a repeated row in again';
COMMENT ON COLUMN silver.machine_alarms.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN silver.machine_alarms.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN silver.machine_alarms.shift_name IS 'Name of the shift';
COMMENT ON COLUMN silver.machine_alarms.event_time IS 'When it happened, by the machine''s clock';
COMMENT ON COLUMN silver.machine_alarms.alarm_desc IS 'What the control says of the alarm';
COMMENT ON COLUMN silver.machine_alarms.created_at IS 'When the row was added';

-- @section hypertable
SELECT create_hypertable(
    relation => 'silver.machine_alarms',
    dimension => by_range('event_time', INTERVAL '1 month'),
    create_default_indexes => false
);

-- @section indexes
CREATE INDEX machine_alarms_event_time_idx ON silver.machine_alarms (event_time DESC);

-- @section grants
GRANT SELECT, INSERT, UPDATE ON silver.machine_alarms TO setu_etl;
GRANT SELECT ON silver.machine_alarms TO setu_reader;

-- @section column_store
-- @community
ALTER TABLE silver.machine_alarms SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'event_time'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.machine_alarms',
    after => current_setting('setu.silver_columnstore_after')::interval
);

-- @section retention
-- @community
SELECT add_retention_policy(
    relation => 'silver.machine_alarms',
    drop_after => current_setting('setu.silver_retention')::interval,
    initial_start => date_trunc('day', clock_timestamp()) + INTERVAL '1 day 4 hours'
);
