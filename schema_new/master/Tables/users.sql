-- @section table
CREATE TABLE master.users (
    user_id text NOT NULL,
    user_no text,
    full_name text,
    role text,
    plant_iot_id integer,
    created_at timestamptz DEFAULT now(),
    company_iot_id integer NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (user_id, company_iot_id),
    CONSTRAINT users_plant_iot_id_company_iot_id_fkey
        FOREIGN KEY (plant_iot_id, company_iot_id)
        REFERENCES master.plants (iot_id, company_iot_id),
    CONSTRAINT users_company_iot_id_fkey
        FOREIGN KEY (company_iot_id) REFERENCES master.companies (iot_id)
);

COMMENT ON TABLE master.users IS 'One row per user of a company; not a login of this server';

-- @section grants
GRANT SELECT ON master.users TO setu_reader;
