-- @section table
CREATE TABLE silver.machine_downtime (
    logical_date date NOT NULL,
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    down_start timestamptz NOT NULL,
    down_end timestamptz,
    program_no text,
    down_id integer,
    down_threshold integer,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT machine_downtime_machine_iot_id_down_start_key UNIQUE (machine_iot_id, down_start)
);

COMMENT ON TABLE silver.machine_downtime IS 'One row per stop of a machine';
COMMENT ON COLUMN silver.machine_downtime.logical_date IS
    'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_downtime.shift_id IS '0: no shift of the plant covers down_start';
COMMENT ON COLUMN silver.machine_downtime.down_end IS 'Null while the stop lasts';
COMMENT ON COLUMN silver.machine_downtime.down_id IS
    'Key in master.downtime_codes; no foreign key: dropping a chunk would lock that table';
COMMENT ON COLUMN silver.machine_downtime.down_threshold IS 'Seconds';
COMMENT ON COLUMN silver.machine_downtime.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN silver.machine_downtime.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN silver.machine_downtime.shift_name IS 'Name of the shift';
COMMENT ON COLUMN silver.machine_downtime.down_start IS 'When the stop began';
COMMENT ON COLUMN silver.machine_downtime.program_no IS 'Program on the control';
COMMENT ON COLUMN silver.machine_downtime.created_at IS 'When the row was added';

-- @section hypertable
SELECT create_hypertable(
    relation => 'silver.machine_downtime',
    dimension => by_range('down_start', INTERVAL '7 days'),
    create_default_indexes => false
);

-- @section indexes
CREATE INDEX machine_downtime_down_start_idx ON silver.machine_downtime (down_start DESC);

-- @section grants
GRANT SELECT, INSERT, UPDATE ON silver.machine_downtime TO setu_etl;
GRANT SELECT ON silver.machine_downtime TO setu_reader;

-- @section column_store
-- @community
ALTER TABLE silver.machine_downtime SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'down_start'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.machine_downtime',
    after => current_setting('setu.silver_columnstore_after')::interval
);

-- @section retention
-- @community
SELECT add_retention_policy(
    relation => 'silver.machine_downtime',
    drop_after => current_setting('setu.silver_retention')::interval,
    initial_start => date_trunc('day', clock_timestamp()) + INTERVAL '1 day 4 hours'
);
