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
