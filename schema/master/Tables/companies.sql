-- change: add column iot_id integer NOT NULL GENERATED ALWAYS AS IDENTITY
-- change: drop constraint companies_pkey
-- change: add constraint companies_pkey PRIMARY KEY (iot_id)
-- change: add constraint companies_company_id_key UNIQUE (company_id)
-- change: add column address text
-- change: add column state text
-- change: add column country text
-- change: add column pin_code text
-- change: add column email_id text
-- change: add column phone_no text
-- change: add column default_plant_iot_id integer
-- change: add constraint companies_default_plant_iot_id_iot_id_fkey
--     FOREIGN KEY (default_plant_iot_id, iot_id)
--     REFERENCES master.plants(iot_id, company_iot_id)
-- change: add column effective_to_date timestamptz

CREATE TABLE master.companies (
    company_id text NOT NULL,
    company_name text NOT NULL,
    effective_from_date timestamptz,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT companies_pkey PRIMARY KEY (company_id)
);
