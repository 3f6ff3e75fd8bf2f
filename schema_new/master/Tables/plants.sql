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

-- Companies and plants point at each other, so this half can only follow both.
ALTER TABLE master.companies
    ADD CONSTRAINT companies_default_plant_iot_id_iot_id_fkey
    FOREIGN KEY (default_plant_iot_id, iot_id) REFERENCES master.plants (iot_id, company_iot_id);

-- @section grants
GRANT SELECT ON master.plants TO setu_etl, setu_reader;
