-- @section table
CREATE TABLE silver.machine_pm_status (
    logical_date date NOT NULL,
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    event_time timestamptz NOT NULL,
    status text,
    pm_corrected_count integer,
    pm_pending_count integer,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT machine_pm_status_machine_iot_id_event_time_key UNIQUE (machine_iot_id, event_time)
);

COMMENT ON TABLE silver.machine_pm_status IS
    'One row per report of a machine''s preventive maintenance';
COMMENT ON COLUMN silver.machine_pm_status.logical_date IS
    'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_pm_status.shift_id IS '0: no shift of the plant covers event_time';
COMMENT ON COLUMN silver.machine_pm_status.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN silver.machine_pm_status.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN silver.machine_pm_status.shift_name IS 'Name of the shift';
COMMENT ON COLUMN silver.machine_pm_status.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN silver.machine_pm_status.status IS 'State that was reported';
COMMENT ON COLUMN silver.machine_pm_status.pm_corrected_count IS
    'Preventive maintenance: points that were put right';
COMMENT ON COLUMN silver.machine_pm_status.pm_pending_count IS
    'Preventive maintenance: points still open';
COMMENT ON COLUMN silver.machine_pm_status.created_at IS 'When the row was added';

-- @section hypertable
SELECT create_hypertable(
    relation => 'silver.machine_pm_status',
    dimension => by_range('event_time', INTERVAL '1 month'),
    create_default_indexes => false
);

-- @section indexes
CREATE INDEX machine_pm_status_event_time_idx ON silver.machine_pm_status (event_time DESC);

-- @section grants
GRANT SELECT, INSERT, UPDATE ON silver.machine_pm_status TO setu_etl;
GRANT SELECT ON silver.machine_pm_status TO setu_reader;

-- @section column_store
-- @community
ALTER TABLE silver.machine_pm_status SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'event_time'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.machine_pm_status',
    after => current_setting('setu.silver_columnstore_after')::interval
);

-- @section retention
-- @community
SELECT add_retention_policy(
    relation => 'silver.machine_pm_status',
    drop_after => current_setting('setu.pm_status_retention')::interval,
    initial_start => date_trunc('day', clock_timestamp()) + INTERVAL '1 day 4 hours'
);
