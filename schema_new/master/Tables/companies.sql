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

-- @section grants
GRANT SELECT ON master.companies TO setu_etl, setu_reader;
