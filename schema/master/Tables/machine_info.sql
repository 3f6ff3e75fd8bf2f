-- change: rename column iot_id TO source_iot_id
-- change: add column iot_id integer NOT NULL GENERATED ALWAYS AS IDENTITY
-- change: drop constraint machine_info_pkey
-- change: drop constraint uq_device_per_company
-- change: drop constraint fk_machine_plant
-- change: drop constraint machine_info_company_id_fkey
-- change: drop index idx_machine_info_device_iot
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: drop column plant_id
-- change: rename column device_id TO device_iot_id
-- change: retype column device_iot_id integer
-- change: add constraint machine_info_pkey PRIMARY KEY (iot_id)
-- change: add constraint machine_info_machine_id_company_iot_id_key
--     UNIQUE (machine_id, company_iot_id)
-- change: add constraint machine_info_iot_id_company_iot_id_key UNIQUE (iot_id, company_iot_id)
-- change: add constraint machine_info_device_iot_id_company_iot_id_key
--     UNIQUE (device_iot_id, company_iot_id)
-- change: add index machine_info_device_iot_id_source_iot_id_idx
--     USING btree (device_iot_id, source_iot_id)
-- change: add constraint machine_info_company_iot_id_fkey FOREIGN KEY (company_iot_id)
--     REFERENCES master.companies(iot_id)
-- change: add constraint machine_info_device_iot_id_fkey FOREIGN KEY (device_iot_id)
--     REFERENCES master.device_info(device_iot_id)
-- change: add column ip_address inet
-- change: add column port_no integer
-- change: add constraint machine_info_port_no_check CHECK (port_no >= 1 AND port_no <= 65535)

CREATE TABLE master.machine_info (
    machine_id text NOT NULL,
    company_id text NOT NULL,
    plant_id text NOT NULL,
    device_id text NOT NULL,
    iot_id text NOT NULL,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT machine_info_pkey PRIMARY KEY (machine_id, company_id),
    CONSTRAINT uq_device_per_company UNIQUE (device_id, company_id),
    CONSTRAINT fk_machine_plant FOREIGN KEY (plant_id, company_id)
        REFERENCES master.plants (plant_id, company_id),
    CONSTRAINT machine_info_company_id_fkey FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);

CREATE INDEX idx_machine_info_device_iot ON master.machine_info USING btree (device_id, iot_id);
