-- New: downtime codes that could not be read as they were sent. Their stops are loaded, so the
-- rejected rows do not show them.
-- @section table
CREATE TABLE _etl.unknown_codes (
    company_iot_id integer NOT NULL,
    source_down_id bigint,
    down_code text,
    loaded_down_id integer,
    fault text NOT NULL,
    stops bigint NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT unknown_codes_key
        UNIQUE NULLS NOT DISTINCT (company_iot_id, source_down_id, down_code, loaded_down_id)
);

COMMENT ON TABLE _etl.unknown_codes IS
    'Numbers and codes of stops that master does not know or that disagree, and how they loaded';
COMMENT ON COLUMN _etl.unknown_codes.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN _etl.unknown_codes.source_down_id IS 'Number that the gateway sent';
COMMENT ON COLUMN _etl.unknown_codes.down_code IS 'Text that the gateway sent';
COMMENT ON COLUMN _etl.unknown_codes.loaded_down_id IS
    'Key of the code with which the stop was loaded; null: none';
COMMENT ON COLUMN _etl.unknown_codes.fault IS 'Why it could not be read as sent';
COMMENT ON COLUMN _etl.unknown_codes.stops IS
    'How many rows came with it; a stop counts again when its end comes or it is sent again';
COMMENT ON COLUMN _etl.unknown_codes.first_seen_at IS 'When it came first';
COMMENT ON COLUMN _etl.unknown_codes.last_seen_at IS 'When it came last';

-- @section grants
GRANT SELECT, INSERT, UPDATE ON _etl.unknown_codes TO setu_etl;
