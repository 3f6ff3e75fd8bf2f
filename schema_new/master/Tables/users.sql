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
COMMENT ON COLUMN master.users.user_id IS 'Drawn by the database';
COMMENT ON COLUMN master.users.user_no IS 'The company''s own number of the person';
COMMENT ON COLUMN master.users.full_name IS 'Name of the person';
COMMENT ON COLUMN master.users.role IS 'What the person may do in the application';
COMMENT ON COLUMN master.users.plant_iot_id IS 'Key of the plant';
COMMENT ON COLUMN master.users.created_at IS 'When the row was added';
COMMENT ON COLUMN master.users.company_iot_id IS 'Key of the company';

-- @section grants
GRANT SELECT ON master.users TO setu_reader;
