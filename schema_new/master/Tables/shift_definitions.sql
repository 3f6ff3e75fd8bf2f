-- New: replaces v1's master.shifts, which looked at neither the company nor the time zone.
-- @section table
CREATE TABLE master.shift_definitions (
    id integer GENERATED ALWAYS AS IDENTITY,
    company_iot_id integer NOT NULL,
    plant_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    start_time time NOT NULL,
    end_time time NOT NULL,
    from_day smallint NOT NULL DEFAULT 0,
    to_day smallint NOT NULL DEFAULT 0,
    is_running boolean NOT NULL DEFAULT true,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz,
    CONSTRAINT shift_definitions_pkey PRIMARY KEY (id),
    CONSTRAINT shift_definitions_plant_iot_id_shift_id_key UNIQUE (plant_iot_id, shift_id),
    CONSTRAINT shift_definitions_company_iot_id_fkey
        FOREIGN KEY (company_iot_id) REFERENCES master.companies (iot_id),
    CONSTRAINT shift_definitions_plant_iot_id_company_iot_id_fkey
        FOREIGN KEY (plant_iot_id, company_iot_id)
        REFERENCES master.plants (iot_id, company_iot_id),
    CONSTRAINT shift_definitions_shift_id_check CHECK (shift_id > 0),
    CONSTRAINT shift_definitions_from_day_check CHECK (from_day IN (0, 1)),
    CONSTRAINT shift_definitions_to_day_check CHECK (to_day IN (0, 1)),
    -- A shift is longer than zero and at most a day.
    CONSTRAINT shift_definitions_check CHECK (
        (end_time - start_time) + (to_day - from_day) * INTERVAL '24 hours'
            BETWEEN INTERVAL '1 microsecond' AND INTERVAL '24 hours'
    )
);

COMMENT ON TABLE master.shift_definitions IS 'Shifts of a plant, in the wall time of its zone';
COMMENT ON COLUMN master.shift_definitions.from_day IS
    '0: begins on the logical date, 1: on the day after';
COMMENT ON COLUMN master.shift_definitions.to_day IS
    '0: ends on the logical date, 1: on the day after';
COMMENT ON COLUMN master.shift_definitions.id IS 'Key, drawn by the database';
COMMENT ON COLUMN master.shift_definitions.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN master.shift_definitions.plant_iot_id IS 'Key of the plant';
COMMENT ON COLUMN master.shift_definitions.shift_id IS 'Number of the shift within its plant';
COMMENT ON COLUMN master.shift_definitions.shift_name IS 'Name of the shift';
COMMENT ON COLUMN master.shift_definitions.start_time IS 'Begin on the plant''s clock';
COMMENT ON COLUMN master.shift_definitions.end_time IS 'End on the plant''s clock';
COMMENT ON COLUMN master.shift_definitions.is_running IS 'False: retired, and no shift of new days';
COMMENT ON COLUMN master.shift_definitions.created_at IS 'When the row was added';
COMMENT ON COLUMN master.shift_definitions.updated_at IS 'When the row was changed last';

-- @section grants
GRANT SELECT ON master.shift_definitions TO setu_etl, setu_reader;
