-- New: business dates on which a plant does not plan to work.
-- @section table
CREATE TABLE master.plant_days_off (
    plant_iot_id integer NOT NULL,
    logical_date date NOT NULL,
    reason text,
    CONSTRAINT plant_days_off_pkey PRIMARY KEY (plant_iot_id, logical_date),
    CONSTRAINT plant_days_off_plant_iot_id_fkey
        FOREIGN KEY (plant_iot_id) REFERENCES master.plants (iot_id) ON DELETE CASCADE
);

COMMENT ON TABLE master.plant_days_off IS
    'Business dates on which none of a plant''s shifts is planned to work';
COMMENT ON COLUMN master.plant_days_off.plant_iot_id IS 'Key of the plant';
COMMENT ON COLUMN master.plant_days_off.logical_date IS
    'Business date: the date, in the plant''s zone, to which a shift belongs';
COMMENT ON COLUMN master.plant_days_off.reason IS 'Why nobody works';

-- @section grants
GRANT SELECT ON master.plant_days_off TO setu_etl, setu_reader;
