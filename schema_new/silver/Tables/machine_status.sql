-- @section table
CREATE TABLE silver.machine_status (
    logical_date date NOT NULL,
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    event_time timestamptz NOT NULL,
    program_no text,
    status text,
    operator_id text,
    target integer,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT machine_status_machine_iot_id_event_time_key UNIQUE (machine_iot_id, event_time)
);

COMMENT ON TABLE silver.machine_status IS 'One row per report of a machine''s running status';
COMMENT ON COLUMN silver.machine_status.logical_date IS
    'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_status.shift_id IS '0: no shift of the plant covers event_time';
COMMENT ON COLUMN silver.machine_status.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN silver.machine_status.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN silver.machine_status.shift_name IS 'Name of the shift';
COMMENT ON COLUMN silver.machine_status.event_time IS 'When it happened, by the machine''s clock';
COMMENT ON COLUMN silver.machine_status.program_no IS 'Program on the control';
COMMENT ON COLUMN silver.machine_status.status IS 'State of the machine, as the control says';
COMMENT ON COLUMN silver.machine_status.operator_id IS
    'Who operated the machine, as the control says';
COMMENT ON COLUMN silver.machine_status.target IS 'Pieces that the control was set to make';
COMMENT ON COLUMN silver.machine_status.created_at IS 'When the row was added';

-- @section hypertable
SELECT create_hypertable(
    relation => 'silver.machine_status',
    dimension => by_range('event_time', INTERVAL '7 days'),
    create_default_indexes => false
);

-- @section indexes
CREATE INDEX machine_status_event_time_idx ON silver.machine_status (event_time DESC);

-- @section grants
GRANT SELECT, INSERT, UPDATE ON silver.machine_status TO setu_etl;
GRANT SELECT ON silver.machine_status TO setu_reader;

-- @section column_store
-- @community
ALTER TABLE silver.machine_status SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'event_time'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.machine_status',
    after => current_setting('setu.silver_columnstore_after')::interval
);

-- @section retention
-- @community
SELECT add_retention_policy(
    relation => 'silver.machine_status',
    drop_after => current_setting('setu.silver_retention')::interval,
    initial_start => date_trunc('day', clock_timestamp()) + INTERVAL '1 day 4 hours'
);
