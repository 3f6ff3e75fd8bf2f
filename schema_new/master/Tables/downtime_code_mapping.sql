-- New: what the gateways of each company mean by the number of a downtime code. v1 kept codes
-- company by company; v2 has one catalogue, and gateways go on sending their own numbers.
-- @section table
CREATE TABLE master.downtime_code_mapping (
    company_iot_id integer NOT NULL,
    source_down_id integer NOT NULL,
    down_id integer NOT NULL,
    CONSTRAINT downtime_code_mapping_pkey PRIMARY KEY (company_iot_id, source_down_id),
    CONSTRAINT downtime_code_mapping_company_iot_id_fkey
        FOREIGN KEY (company_iot_id) REFERENCES master.companies (iot_id) ON DELETE CASCADE,
    CONSTRAINT downtime_code_mapping_down_id_fkey
        FOREIGN KEY (down_id) REFERENCES master.downtime_codes (down_id) ON DELETE CASCADE
);

COMMENT ON TABLE master.downtime_code_mapping IS
    'The code that a company''s gateways mean by a number; a number that is not listed means '
    'nothing';
COMMENT ON COLUMN master.downtime_code_mapping.source_down_id IS
    'The number that gateways send as down_id';
COMMENT ON COLUMN master.downtime_code_mapping.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN master.downtime_code_mapping.down_id IS 'Key of the downtime code';

-- @section grants
GRANT SELECT ON master.downtime_code_mapping TO setu_etl, setu_reader;
