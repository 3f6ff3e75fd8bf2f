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
COMMENT ON COLUMN silver.machine_cycles.logical_date IS 'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_cycles.shift_id IS '0: no shift of the plant covers cycle_start';
COMMENT ON COLUMN silver.machine_cycles.actual_load_unload IS
    'Seconds from the end of the machine''s previous cycle; null for its first, or after an open one';
COMMENT ON COLUMN silver.machine_cycles.actual_cycle_time IS 'Seconds from start to end';
COMMENT ON COLUMN silver.machine_cycles.down_threshold IS 'Seconds';
