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

COMMENT ON TABLE silver.machine_focas IS 'One row per reading of a control''s FOCAS counters';
COMMENT ON COLUMN silver.machine_focas.logical_date IS
    'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_focas.shift_id IS '0: no shift of the plant covers event_time';
COMMENT ON COLUMN silver.machine_focas.pot IS 'Power-on time in seconds';
COMMENT ON COLUMN silver.machine_focas.ot IS 'Operating time in seconds';
COMMENT ON COLUMN silver.machine_focas.ct IS 'Cutting time in seconds';
