-- @section table
CREATE TABLE silver.machine_cycles (
    logical_date date NOT NULL,
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    cycle_start timestamptz NOT NULL,
    cycle_end timestamptz,
    program_no text,
    std_load_unload integer,
    std_cycle_time integer,
    actual_load_unload integer,
    actual_cycle_time integer,
    down_threshold integer,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT machine_cycles_machine_iot_id_cycle_start_key UNIQUE (machine_iot_id, cycle_start)
);

COMMENT ON TABLE silver.machine_cycles IS 'One row per machining cycle';
COMMENT ON COLUMN silver.machine_cycles.logical_date IS
    'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_cycles.shift_id IS '0: no shift of the plant covers cycle_start';
COMMENT ON COLUMN silver.machine_cycles.actual_load_unload IS
    'Seconds from the end of the machine''s previous cycle; null for its first, or after an open '
    'one';
COMMENT ON COLUMN silver.machine_cycles.actual_cycle_time IS 'Seconds from start to end';
COMMENT ON COLUMN silver.machine_cycles.down_threshold IS 'Seconds';
COMMENT ON COLUMN silver.machine_cycles.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN silver.machine_cycles.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN silver.machine_cycles.shift_name IS 'Name of the shift';
COMMENT ON COLUMN silver.machine_cycles.cycle_start IS 'When the cycle began';
COMMENT ON COLUMN silver.machine_cycles.cycle_end IS 'When the cycle ended; null while it lasts';
COMMENT ON COLUMN silver.machine_cycles.program_no IS 'Program on the control';
COMMENT ON COLUMN silver.machine_cycles.std_load_unload IS
    'Seconds that loading and unloading should take';
COMMENT ON COLUMN silver.machine_cycles.std_cycle_time IS 'Seconds that the cycle should take';
COMMENT ON COLUMN silver.machine_cycles.created_at IS 'When the row was added';

-- @section hypertable
SELECT create_hypertable(
    relation => 'silver.machine_cycles',
    dimension => by_range('cycle_start', INTERVAL '7 days'),
    create_default_indexes => false
);

-- @section indexes
CREATE INDEX machine_cycles_cycle_start_idx ON silver.machine_cycles (cycle_start DESC);

-- @section grants
GRANT SELECT, INSERT, UPDATE ON silver.machine_cycles TO setu_etl;
GRANT SELECT ON silver.machine_cycles TO setu_reader;

-- @section column_store
-- @community
ALTER TABLE silver.machine_cycles SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'cycle_start'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.machine_cycles',
    after => current_setting('setu.silver_columnstore_after')::interval
);

-- @section retention
-- @community
SELECT add_retention_policy(
    relation => 'silver.machine_cycles',
    drop_after => current_setting('setu.silver_retention')::interval,
    -- Not at once: a deploy that is reverted in time finds all rows.
    initial_start => date_trunc('day', clock_timestamp()) + INTERVAL '1 day 4 hours'
);
