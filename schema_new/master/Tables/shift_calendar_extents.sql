-- New: the dates of a plant that the shift calendar covers; a covered date may have no shift.
-- @section table
CREATE TABLE master.shift_calendar_extents (
    plant_iot_id integer NOT NULL,
    first_date date NOT NULL,
    last_date date NOT NULL,
    CONSTRAINT shift_calendar_extents_pkey PRIMARY KEY (plant_iot_id),
    CONSTRAINT shift_calendar_extents_plant_iot_id_fkey
        FOREIGN KEY (plant_iot_id) REFERENCES master.plants (iot_id) ON DELETE CASCADE,
    CONSTRAINT shift_calendar_extents_check CHECK (first_date <= last_date)
);

COMMENT ON TABLE master.shift_calendar_extents IS
    'The range of business dates that a plant''s shift calendar covers; outside it, '
    'shift_definitions apply';
COMMENT ON COLUMN master.shift_calendar_extents.plant_iot_id IS 'Key of the plant';
COMMENT ON COLUMN master.shift_calendar_extents.first_date IS
    'First date that the plant''s calendar has';
COMMENT ON COLUMN master.shift_calendar_extents.last_date IS 'Last date that it has';

-- @section grants
GRANT SELECT, INSERT, UPDATE ON master.shift_calendar_extents TO setu_etl;
GRANT SELECT ON master.shift_calendar_extents TO setu_reader;
