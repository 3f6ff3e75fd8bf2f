-- @section table
CREATE TABLE master.production_targets (
    target_id serial,
    machine_iot_id integer NOT NULL,
    company_iot_id integer NOT NULL,
    program_no text,
    shift_id smallint,
    target_parts_per_hour double precision,
    std_cycle_time_sec double precision,
    effective_start_date date,
    effective_end_date date,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT production_targets_pkey PRIMARY KEY (target_id),
    CONSTRAINT production_targets_machine_iot_id_company_iot_id_fkey
        FOREIGN KEY (machine_iot_id, company_iot_id)
        REFERENCES master.machine_info (iot_id, company_iot_id),
    CONSTRAINT production_targets_company_iot_id_fkey
        FOREIGN KEY (company_iot_id) REFERENCES master.companies (iot_id)
);

CREATE INDEX production_targets_machine_iot_id_company_iot_id_idx
    ON master.production_targets (machine_iot_id, company_iot_id);

COMMENT ON TABLE master.production_targets IS
    'What a machine should make, by program and shift, while the target is in effect';
COMMENT ON COLUMN master.production_targets.shift_id IS
    'Shift of the plant in which the machine stands; null: every shift';
COMMENT ON COLUMN master.production_targets.target_id IS 'Drawn by the database';
COMMENT ON COLUMN master.production_targets.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN master.production_targets.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN master.production_targets.program_no IS 'Program that the target is for';
COMMENT ON COLUMN master.production_targets.target_parts_per_hour IS 'Pieces an hour';
COMMENT ON COLUMN master.production_targets.std_cycle_time_sec IS
    'Seconds that a cycle should take';
COMMENT ON COLUMN master.production_targets.effective_start_date IS
    'First date on which the target holds';
COMMENT ON COLUMN master.production_targets.effective_end_date IS
    'Last date on which the target holds; null: no end';
COMMENT ON COLUMN master.production_targets.created_at IS 'When the row was added';

-- @section grants
GRANT SELECT ON master.production_targets TO setu_reader;
