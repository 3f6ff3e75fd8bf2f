-- @section table
CREATE TABLE silver.machine_energy (
    logical_date date NOT NULL,
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    event_time timestamptz NOT NULL,
    category text NOT NULL DEFAULT '',
    servo_energy numeric(12, 3),
    spindle_energy numeric(12, 3),
    total_energy numeric(12, 3),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT machine_energy_machine_iot_id_event_time_category_key
        UNIQUE (machine_iot_id, event_time, category)
);

COMMENT ON TABLE silver.machine_energy IS 'One row per energy reading of a machine and category';
COMMENT ON COLUMN silver.machine_energy.logical_date IS
    'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_energy.shift_id IS '0: no shift of the plant covers event_time';
COMMENT ON COLUMN silver.machine_energy.category IS
    'Empty where the source sent none: null would let a repeated row in again';
COMMENT ON COLUMN silver.machine_energy.total_energy IS 'kWh';
COMMENT ON COLUMN silver.machine_energy.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN silver.machine_energy.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN silver.machine_energy.shift_name IS 'Name of the shift';
COMMENT ON COLUMN silver.machine_energy.event_time IS 'When it happened, by the machine''s clock';
COMMENT ON COLUMN silver.machine_energy.servo_energy IS 'Energy of the servos in kWh';
COMMENT ON COLUMN silver.machine_energy.spindle_energy IS 'Energy of the spindle in kWh';
COMMENT ON COLUMN silver.machine_energy.created_at IS 'When the row was added';

-- @section hypertable
SELECT create_hypertable(
    relation => 'silver.machine_energy',
    dimension => by_range('event_time', INTERVAL '1 month'),
    create_default_indexes => false
);

-- @section indexes
CREATE INDEX machine_energy_event_time_idx ON silver.machine_energy (event_time DESC);

-- @section grants
GRANT SELECT, INSERT, UPDATE ON silver.machine_energy TO setu_etl;
GRANT SELECT ON silver.machine_energy TO setu_reader;

-- @section column_store
-- @community
ALTER TABLE silver.machine_energy SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'event_time'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.machine_energy',
    after => current_setting('setu.silver_columnstore_after')::interval
);

-- @section retention
-- @community
SELECT add_retention_policy(
    relation => 'silver.machine_energy',
    drop_after => current_setting('setu.silver_retention')::interval,
    initial_start => date_trunc('day', clock_timestamp()) + INTERVAL '1 day 4 hours'
);
