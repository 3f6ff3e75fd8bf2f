-- @section table
CREATE TABLE master.companies (
    iot_id integer GENERATED ALWAYS AS IDENTITY,
    company_id text NOT NULL,
    company_name text NOT NULL,
    address text,
    state text,
    country text,
    pin_code text,
    email_id text,
    phone_no text,
    default_plant_iot_id integer,
    effective_from_date timestamptz,
    effective_to_date timestamptz,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT companies_pkey PRIMARY KEY (iot_id),
    CONSTRAINT companies_company_id_key UNIQUE (company_id)
);

COMMENT ON TABLE master.companies IS 'One row per customer company';
COMMENT ON COLUMN master.companies.company_id IS 'Business key, as people write it';
COMMENT ON COLUMN master.companies.iot_id IS 'Key, drawn by the database, which never changes';
COMMENT ON COLUMN master.companies.company_name IS 'Name of the company';
COMMENT ON COLUMN master.companies.address IS 'Postal address';
COMMENT ON COLUMN master.companies.state IS 'State or province';
COMMENT ON COLUMN master.companies.country IS 'Country';
COMMENT ON COLUMN master.companies.pin_code IS 'Postal code';
COMMENT ON COLUMN master.companies.email_id IS 'Where mail goes';
COMMENT ON COLUMN master.companies.phone_no IS 'Telephone number';
COMMENT ON COLUMN master.companies.default_plant_iot_id IS 'Plant that is shown first';
COMMENT ON COLUMN master.companies.effective_from_date IS 'From when it counts; null: from ever';
COMMENT ON COLUMN master.companies.effective_to_date IS 'Until when it counts; null: no end';
COMMENT ON COLUMN master.companies.created_at IS 'When the row was added';

-- @section grants
GRANT SELECT ON master.companies TO setu_etl, setu_reader;
