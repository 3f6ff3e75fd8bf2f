-- @section table
CREATE TABLE master.downtime_codes (
    down_id integer GENERATED ALWAYS AS IDENTITY,
    down_code text NOT NULL,
    description text,
    category text,
    threshold_sec integer,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT downtime_codes_pkey PRIMARY KEY (down_id),
    CONSTRAINT downtime_codes_down_code_key UNIQUE (down_code)
);

COMMENT ON TABLE master.downtime_codes IS 'Why machines stop; one catalogue for all companies';
COMMENT ON COLUMN master.downtime_codes.threshold_sec IS 'Seconds';
COMMENT ON COLUMN master.downtime_codes.down_id IS 'Key, drawn by the database';
COMMENT ON COLUMN master.downtime_codes.down_code IS 'The code, as gateways send it as text';
COMMENT ON COLUMN master.downtime_codes.description IS 'In words, for people';
COMMENT ON COLUMN master.downtime_codes.category IS 'What kind of stop it is';
COMMENT ON COLUMN master.downtime_codes.created_at IS 'When the row was added';

-- @section grants
GRANT SELECT ON master.downtime_codes TO setu_etl, setu_reader;
