-- change: add column iot_id integer NOT NULL GENERATED ALWAYS AS IDENTITY
-- change: drop constraint plants_pkey
-- change: drop constraint plants_company_id_fkey
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: add constraint plants_pkey PRIMARY KEY (iot_id)
-- change: add constraint plants_company_iot_id_plant_id_key UNIQUE (company_iot_id, plant_id)
-- change: add constraint plants_iot_id_company_iot_id_key UNIQUE (iot_id, company_iot_id)
-- change: add constraint plants_company_iot_id_fkey FOREIGN KEY (company_iot_id)
--     REFERENCES master.companies(iot_id)
-- change: add column plant_code text
-- change: add column timezone text NOT NULL DEFAULT 'Asia/Kolkata'
-- change: add constraint plants_timezone_check CHECK
-- change: add column is_primary boolean NOT NULL DEFAULT false
-- change: add column cost_per_kwh numeric(10,3) DEFAULT 6
-- change: add column carbon_emission_factor numeric(10,3) DEFAULT 0.82
-- change: add column effective_from_date timestamptz
-- change: add column effective_to_date timestamptz
-- change: add column updated_by text
-- change: add column updated_at timestamptz

CREATE TABLE master.plants (
    plant_id text NOT NULL,
    company_id text NOT NULL,
    plant_name text,
    plant_city text,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT plants_pkey PRIMARY KEY (plant_id, company_id),
    CONSTRAINT plants_company_id_fkey FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);
