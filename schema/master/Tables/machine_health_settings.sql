-- change: drop

CREATE TABLE master.machine_health_settings (
    setting_id serial NOT NULL,
    machine_id text NOT NULL,
    company_id text NOT NULL,
    parameter_name text NOT NULL,
    min_value double precision,
    max_value double precision,
    target_value double precision,
    unit text,
    updated_at timestamptz DEFAULT now(),
    CONSTRAINT machine_health_settings_pkey PRIMARY KEY (setting_id),
    CONSTRAINT uq_machine_health_company UNIQUE (machine_id, parameter_name, company_id),
    CONSTRAINT machine_health_settings_machine_id_company_id_fkey
        FOREIGN KEY (machine_id, company_id)
        REFERENCES master.machine_info (machine_id, company_id)
);
