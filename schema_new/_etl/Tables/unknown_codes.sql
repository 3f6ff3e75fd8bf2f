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

-- @section grants
GRANT SELECT, INSERT, UPDATE ON _etl.unknown_codes TO setu_etl;
