-- New: moving a machine to another plant is an update here, not a new machine.
-- @section table
CREATE TABLE master.plant_machine_mapping (
    mapping_id integer GENERATED ALWAYS AS IDENTITY,
    company_iot_id integer NOT NULL,
    plant_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT plant_machine_mapping_pkey PRIMARY KEY (mapping_id),
    CONSTRAINT plant_machine_mapping_machine_iot_id_key UNIQUE (machine_iot_id),
    CONSTRAINT plant_machine_mapping_company_iot_id_fkey
        FOREIGN KEY (company_iot_id) REFERENCES master.companies (iot_id),
    CONSTRAINT plant_machine_mapping_plant_iot_id_company_iot_id_fkey
        FOREIGN KEY (plant_iot_id, company_iot_id)
        REFERENCES master.plants (iot_id, company_iot_id),
    CONSTRAINT plant_machine_mapping_machine_iot_id_company_iot_id_fkey
        FOREIGN KEY (machine_iot_id, company_iot_id)
        REFERENCES master.machine_info (iot_id, company_iot_id)
);

CREATE INDEX plant_machine_mapping_company_iot_id_plant_iot_id_idx
    ON master.plant_machine_mapping (company_iot_id, plant_iot_id);

COMMENT ON TABLE master.plant_machine_mapping IS 'The plant in which each machine stands now';
COMMENT ON COLUMN master.plant_machine_mapping.mapping_id IS 'Drawn by the database';
COMMENT ON COLUMN master.plant_machine_mapping.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN master.plant_machine_mapping.plant_iot_id IS 'Key of the plant';
COMMENT ON COLUMN master.plant_machine_mapping.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN master.plant_machine_mapping.created_at IS 'When the row was added';

-- @section grants
GRANT SELECT ON master.plant_machine_mapping TO setu_etl, setu_reader;
