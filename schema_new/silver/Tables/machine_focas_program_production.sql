-- New: what a control's FOCAS reports of each program that it ran.
-- @section table
CREATE TABLE silver.machine_focas_program_production (
    logical_date date NOT NULL,
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    event_time timestamptz NOT NULL,
    program_no text NOT NULL,
    actual_count integer,
    target_count integer,
    std_load_unload integer,
    std_cycle_time integer,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT machine_focas_program_product_machine_iot_id_event_time_pro_key
        UNIQUE (machine_iot_id, event_time, program_no)
);

COMMENT ON TABLE silver.machine_focas_program_production IS
    'One row per interval that a control''s FOCAS reports for one program: amounts of the interval';
COMMENT ON COLUMN silver.machine_focas_program_production.logical_date IS
    'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_focas_program_production.shift_id IS
    '0: no shift of the plant covers event_time';
COMMENT ON COLUMN silver.machine_focas_program_production.std_load_unload IS 'Seconds';
COMMENT ON COLUMN silver.machine_focas_program_production.std_cycle_time IS 'Seconds';
COMMENT ON COLUMN silver.machine_focas_program_production.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN silver.machine_focas_program_production.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN silver.machine_focas_program_production.shift_name IS 'Name of the shift';
COMMENT ON COLUMN silver.machine_focas_program_production.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN silver.machine_focas_program_production.program_no IS 'Program on the control';
COMMENT ON COLUMN silver.machine_focas_program_production.actual_count IS 'Pieces made';
COMMENT ON COLUMN silver.machine_focas_program_production.target_count IS 'Pieces to be made';
COMMENT ON COLUMN silver.machine_focas_program_production.created_at IS 'When the row was added';

-- @section hypertable
SELECT create_hypertable(
    relation => 'silver.machine_focas_program_production',
    dimension => by_range('event_time', INTERVAL '1 month'),
    create_default_indexes => false
);

-- @section indexes
CREATE INDEX machine_focas_program_production_event_time_idx
    ON silver.machine_focas_program_production (event_time DESC);

-- @section grants
GRANT SELECT, INSERT, UPDATE ON silver.machine_focas_program_production TO setu_etl;
GRANT SELECT ON silver.machine_focas_program_production TO setu_reader;

-- @section column_store
-- @community
ALTER TABLE silver.machine_focas_program_production SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'event_time'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.machine_focas_program_production',
    after => current_setting('setu.silver_columnstore_after')::interval
);

-- @section retention
-- @community
SELECT add_retention_policy(
    relation => 'silver.machine_focas_program_production',
    drop_after => current_setting('setu.silver_retention')::interval,
    initial_start => date_trunc('day', clock_timestamp()) + INTERVAL '1 day 4 hours'
);
