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
