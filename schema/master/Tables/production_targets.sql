-- change: drop constraint production_targets_machine_id_company_id_fkey
-- change: drop index idx_prod_targets_machine
-- change: rename column machine_id TO machine_iot_id
-- change: retype column machine_iot_id integer NOT NULL
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: add constraint production_targets_company_iot_id_fkey FOREIGN KEY (company_iot_id)
--     REFERENCES master.companies(iot_id)
-- change: add constraint production_targets_machine_iot_id_company_iot_id_fkey
--     FOREIGN KEY (machine_iot_id, company_iot_id)
--     REFERENCES master.machine_info(iot_id, company_iot_id)
-- change: retype column shift_id smallint
-- change: add index production_targets_machine_iot_id_company_iot_id_idx
--     USING btree (machine_iot_id, company_iot_id)

CREATE TABLE master.production_targets (
    target_id serial NOT NULL,
    machine_id text NOT NULL,
    company_id text NOT NULL,
    program_no text,
    shift_id text,
    target_parts_per_hour double precision,
    std_cycle_time_sec double precision,
    effective_start_date date,
    effective_end_date date,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT production_targets_pkey PRIMARY KEY (target_id),
    CONSTRAINT production_targets_machine_id_company_id_fkey
        FOREIGN KEY (machine_id, company_id)
        REFERENCES master.machine_info (machine_id, company_id)
);

CREATE INDEX idx_prod_targets_machine ON master.production_targets
USING btree (machine_id, company_id);
