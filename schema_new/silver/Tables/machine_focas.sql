-- @section table
CREATE TABLE silver.machine_focas (
    logical_date date NOT NULL,
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    event_time timestamptz NOT NULL,
    part_count integer,
    rej_count integer,
    pot integer,
    ot integer,
    ct integer,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT machine_focas_machine_iot_id_event_time_key UNIQUE (machine_iot_id, event_time)
);

COMMENT ON TABLE silver.machine_focas IS
    'One row per interval that a control''s FOCAS reports: amounts of the interval, which add up, '
    'not readings of a running counter';
COMMENT ON COLUMN silver.machine_focas.logical_date IS
    'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_focas.shift_id IS '0: no shift of the plant covers event_time';
COMMENT ON COLUMN silver.machine_focas.part_count IS 'Parts made in the interval';
COMMENT ON COLUMN silver.machine_focas.rej_count IS 'Of these, rejected';
COMMENT ON COLUMN silver.machine_focas.pot IS 'Power-on time of the interval in seconds';
COMMENT ON COLUMN silver.machine_focas.ot IS 'Operating time of the interval in seconds';
COMMENT ON COLUMN silver.machine_focas.ct IS 'Cutting time of the interval in seconds';
COMMENT ON COLUMN silver.machine_focas.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN silver.machine_focas.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN silver.machine_focas.shift_name IS 'Name of the shift';
COMMENT ON COLUMN silver.machine_focas.event_time IS 'When it happened, by the machine''s clock';
COMMENT ON COLUMN silver.machine_focas.created_at IS 'When the row was added';

-- @section hypertable
SELECT create_hypertable(
    relation => 'silver.machine_focas',
    dimension => by_range('event_time', INTERVAL '1 month'),
    create_default_indexes => false
);

-- @section indexes
CREATE INDEX machine_focas_event_time_idx ON silver.machine_focas (event_time DESC);

-- @section grants
GRANT SELECT, INSERT, UPDATE ON silver.machine_focas TO setu_etl;
GRANT SELECT ON silver.machine_focas TO setu_reader;

-- @section column_store
-- @community
ALTER TABLE silver.machine_focas SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'event_time'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.machine_focas',
    after => current_setting('setu.silver_columnstore_after')::interval
);

-- @section retention
-- @community
SELECT add_retention_policy(
    relation => 'silver.machine_focas',
    drop_after => current_setting('setu.silver_retention')::interval,
    initial_start => date_trunc('day', clock_timestamp()) + INTERVAL '1 day 4 hours'
);
