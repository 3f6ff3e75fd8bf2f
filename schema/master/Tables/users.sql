-- change: drop constraint users_pkey
-- change: drop constraint fk_user_plant
-- change: drop constraint users_company_id_fkey
-- change: rename column plant_id TO plant_iot_id
-- change: retype column plant_iot_id integer
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: add constraint users_pkey PRIMARY KEY (user_id, company_iot_id)
-- change: add constraint users_plant_iot_id_company_iot_id_fkey
--     FOREIGN KEY (plant_iot_id, company_iot_id)
--     REFERENCES master.plants(iot_id, company_iot_id)
-- change: add constraint users_company_iot_id_fkey FOREIGN KEY (company_iot_id)
--     REFERENCES master.companies(iot_id)

CREATE TABLE master.users (
    user_id text NOT NULL,
    user_no text,
    full_name text,
    role text,
    plant_id text,
    created_at timestamptz DEFAULT now(),
    company_id text NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (user_id, company_id),
    CONSTRAINT fk_user_plant FOREIGN KEY (plant_id, company_id)
        REFERENCES master.plants (plant_id, company_id),
    CONSTRAINT users_company_id_fkey FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);
