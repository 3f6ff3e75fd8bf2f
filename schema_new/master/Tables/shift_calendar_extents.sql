-- New: which dates of a plant the shift calendar has settled; a settled date can be without a
-- shift.
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
    'From which to which business date a plant''s shift calendar is written; outside, '
    'shift_definitions count';

-- @section grants
GRANT SELECT, INSERT, UPDATE ON master.shift_calendar_extents TO setu_etl;
GRANT SELECT ON master.shift_calendar_extents TO setu_reader;
