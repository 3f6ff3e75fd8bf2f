-- New: figures of a past day must not change. A plant's shifts are written ahead, so that a change
-- of shift_definitions applies from then on and not to past days.
-- @section table
CREATE TABLE master.shift_calendar (
    plant_iot_id integer NOT NULL,
    logical_date date NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    is_working boolean NOT NULL DEFAULT true,
    planned_breaks tstzmultirange NOT NULL DEFAULT '{}',
    CONSTRAINT shift_calendar_pkey PRIMARY KEY (plant_iot_id, logical_date, shift_id),
    CONSTRAINT shift_calendar_plant_iot_id_fkey
        FOREIGN KEY (plant_iot_id) REFERENCES master.plants (iot_id) ON DELETE CASCADE,
    CONSTRAINT shift_calendar_shift_id_check CHECK (shift_id > 0),
    CONSTRAINT shift_calendar_check CHECK (
        starts_at < ends_at AND starts_at > '-infinity' AND ends_at < 'infinity'
    ),
    -- An instant has one shift. At the end of a statement, so that one can move several.
    CONSTRAINT shift_calendar_int4range_tstzrange_excl EXCLUDE USING gist (
        int4range(plant_iot_id, plant_iot_id, '[]') WITH &&,
        tstzrange(starts_at, ends_at) WITH &&
    ) DEFERRABLE INITIALLY IMMEDIATE
);

CREATE INDEX shift_calendar_starts_at_idx ON master.shift_calendar (starts_at);

COMMENT ON TABLE master.shift_calendar IS
    'The shifts that a plant really has, by business date; a shift that has begun never changes';
COMMENT ON COLUMN master.shift_calendar.logical_date IS
    'Business date: the date, in the plant''s zone, to which the shift belongs';
COMMENT ON COLUMN master.shift_calendar.is_working IS
    'False on a day off: rows still fall into the shift, but no time is planned';
COMMENT ON COLUMN master.shift_calendar.planned_breaks IS
    'Breaks within the shift: no planned time, and stops in them do not count';
COMMENT ON COLUMN master.shift_calendar.plant_iot_id IS 'Key of the plant';
COMMENT ON COLUMN master.shift_calendar.shift_id IS 'Number of the shift within its plant';
COMMENT ON COLUMN master.shift_calendar.shift_name IS 'Name of the shift';
COMMENT ON COLUMN master.shift_calendar.starts_at IS 'The instant at which the shift begins';
COMMENT ON COLUMN master.shift_calendar.ends_at IS 'The instant at which the shift ends';

-- @section grants
GRANT SELECT, INSERT, DELETE ON master.shift_calendar TO setu_etl;
GRANT SELECT ON master.shift_calendar TO setu_reader;
