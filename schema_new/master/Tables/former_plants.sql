-- New: a machine that moves leaves the business dates that are over to the plant in which it stood.
-- @section table
CREATE TABLE master.former_plants (
    machine_iot_id integer NOT NULL,
    plant_iot_id integer NOT NULL,
    first_date date NOT NULL,
    last_date date NOT NULL,
    CONSTRAINT former_plants_pkey PRIMARY KEY (machine_iot_id, last_date),
    CONSTRAINT former_plants_check CHECK (first_date <= last_date),
    CONSTRAINT former_plants_machine_iot_id_fkey
        FOREIGN KEY (machine_iot_id) REFERENCES master.machine_info (iot_id) ON DELETE CASCADE,
    CONSTRAINT former_plants_plant_iot_id_fkey
        FOREIGN KEY (plant_iot_id) REFERENCES master.plants (iot_id) ON DELETE CASCADE
);

CREATE INDEX former_plants_plant_iot_id_idx ON master.former_plants (plant_iot_id);

COMMENT ON TABLE master.former_plants IS
    'Plants in which machines stood before they moved; of other dates, plant_machine_mapping has '
    'the plant';
COMMENT ON COLUMN master.former_plants.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN master.former_plants.plant_iot_id IS 'Key of the plant that it left';
COMMENT ON COLUMN master.former_plants.first_date IS
    'First business date for which it stood there; -infinity: all before';
COMMENT ON COLUMN master.former_plants.last_date IS
    'Last business date that was over in that plant when it left';

-- @section grants
GRANT SELECT ON master.former_plants TO setu_etl, setu_reader;
