-- @section table
CREATE TABLE master.plants (
    iot_id integer GENERATED ALWAYS AS IDENTITY,
    company_iot_id integer NOT NULL,
    plant_id text NOT NULL,
    plant_name text,
    plant_city text,
    plant_code text,
    timezone text NOT NULL DEFAULT 'Asia/Kolkata',
    is_primary boolean NOT NULL DEFAULT false,
    cost_per_kwh numeric(10, 3) DEFAULT 6,
    carbon_emission_factor numeric(10, 3) DEFAULT 0.82,
    effective_from_date timestamptz,
    effective_to_date timestamptz,
    created_at timestamptz DEFAULT now(),
    updated_by text,
    updated_at timestamptz,
    CONSTRAINT plants_pkey PRIMARY KEY (iot_id),
    CONSTRAINT plants_company_iot_id_plant_id_key UNIQUE (company_iot_id, plant_id),
    -- References to a plant include its company, so that the two cannot contradict.
    CONSTRAINT plants_iot_id_company_iot_id_key UNIQUE (iot_id, company_iot_id),
    CONSTRAINT plants_company_iot_id_fkey
        FOREIGN KEY (company_iot_id) REFERENCES master.companies (iot_id),
    -- A region's name or UTC. An unknown zone raises an error here, so that no shift is ever looked
    -- up in it.
    CONSTRAINT plants_timezone_check CHECK (
        (timezone = 'UTC' OR timezone ~
            '^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)/')
        AND ('2000-01-01 00:00:00+00'::timestamptz AT TIME ZONE timezone) IS NOT NULL
    )
);

COMMENT ON TABLE master.plants IS
    'One row per plant; its time zone decides shifts and business dates';
COMMENT ON COLUMN master.plants.carbon_emission_factor IS 'kg CO2 per kWh';
COMMENT ON COLUMN master.plants.iot_id IS 'Key, drawn by the database, which never changes';
COMMENT ON COLUMN master.plants.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN master.plants.plant_id IS 'The company''s own id of the plant';
COMMENT ON COLUMN master.plants.plant_name IS 'Name of the plant';
COMMENT ON COLUMN master.plants.plant_city IS 'City of the plant';
COMMENT ON COLUMN master.plants.plant_code IS 'The company''s short code of the plant';
COMMENT ON COLUMN master.plants.timezone IS 'Name of the region whose clock the plant goes by';
COMMENT ON COLUMN master.plants.is_primary IS 'Whether it is the company''s main plant';
COMMENT ON COLUMN master.plants.cost_per_kwh IS 'Price of energy, in the plant''s currency per kWh';
COMMENT ON COLUMN master.plants.effective_from_date IS 'From when it counts; null: from ever';
COMMENT ON COLUMN master.plants.effective_to_date IS 'Until when it counts; null: no end';
COMMENT ON COLUMN master.plants.created_at IS 'When the row was added';
COMMENT ON COLUMN master.plants.updated_by IS 'Who changed it last';
COMMENT ON COLUMN master.plants.updated_at IS 'When the row was changed last';

-- Companies and plants point at each other, so this half can only follow both.
ALTER TABLE master.companies
    ADD CONSTRAINT companies_default_plant_iot_id_iot_id_fkey
    FOREIGN KEY (default_plant_iot_id, iot_id) REFERENCES master.plants (iot_id, company_iot_id);

-- @section grants
GRANT SELECT ON master.plants TO setu_etl, setu_reader;
