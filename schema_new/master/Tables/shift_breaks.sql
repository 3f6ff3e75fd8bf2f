-- New: time within a shift without planned work, a meal for example.
-- @section table
CREATE TABLE master.shift_breaks (
    id integer GENERATED ALWAYS AS IDENTITY,
    plant_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    break_name text,
    start_time time NOT NULL,
    end_time time NOT NULL,
    from_day smallint NOT NULL DEFAULT 0,
    to_day smallint NOT NULL DEFAULT 0,
    CONSTRAINT shift_breaks_pkey PRIMARY KEY (id),
    CONSTRAINT shift_breaks_plant_iot_id_shift_id_fkey
        FOREIGN KEY (plant_iot_id, shift_id)
        REFERENCES master.shift_definitions (plant_iot_id, shift_id) ON DELETE CASCADE,
    CONSTRAINT shift_breaks_from_day_check CHECK (from_day IN (0, 1)),
    CONSTRAINT shift_breaks_to_day_check CHECK (to_day IN (0, 1)),
    CONSTRAINT shift_breaks_check CHECK (
        (end_time - start_time) + (to_day - from_day) * INTERVAL '24 hours' > INTERVAL '0'
    )
);

COMMENT ON TABLE master.shift_breaks IS
    'Planned breaks of a shift, in the wall time of the plant; time outside the shift does not '
    'count';
COMMENT ON COLUMN master.shift_breaks.from_day IS
    '0: begins on the logical date, 1: on the day after';
COMMENT ON COLUMN master.shift_breaks.to_day IS
    '0: ends on the logical date, 1: on the day after';
COMMENT ON COLUMN master.shift_breaks.id IS 'Key, drawn by the database';
COMMENT ON COLUMN master.shift_breaks.plant_iot_id IS 'Key of the plant';
COMMENT ON COLUMN master.shift_breaks.shift_id IS 'The shift that has the break';
COMMENT ON COLUMN master.shift_breaks.break_name IS 'What people call the break';
COMMENT ON COLUMN master.shift_breaks.start_time IS 'Begin on the plant''s clock';
COMMENT ON COLUMN master.shift_breaks.end_time IS 'End on the plant''s clock';

-- @section grants
GRANT SELECT ON master.shift_breaks TO setu_etl, setu_reader;
