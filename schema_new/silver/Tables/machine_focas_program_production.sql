-- New: what a control's FOCAS counters say of each program that it ran.
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
    'One row per reading of a control''s counters for one program';
COMMENT ON COLUMN silver.machine_focas_program_production.logical_date IS
    'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_focas_program_production.shift_id IS
    '0: no shift of the plant covers event_time';
COMMENT ON COLUMN silver.machine_focas_program_production.std_load_unload IS 'Seconds';
COMMENT ON COLUMN silver.machine_focas_program_production.std_cycle_time IS 'Seconds';
