-- change: drop constraint machine_assets_machine_id_company_id_fkey
-- change: rename column machine_id TO machine_iot_id
-- change: retype column machine_iot_id integer NOT NULL
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: add constraint machine_assets_company_iot_id_fkey FOREIGN KEY (company_iot_id)
--     REFERENCES master.companies(iot_id)
-- change: add constraint machine_assets_machine_iot_id_company_iot_id_fkey
--     FOREIGN KEY (machine_iot_id, company_iot_id)
--     REFERENCES master.machine_info(iot_id, company_iot_id)
-- change: rename column license_type TO subscription_tier
-- change: retype column subscription_tier text NOT NULL DEFAULT 'Freemium'
-- change: add constraint machine_assets_subscription_tier_check
--     CHECK (subscription_tier = ANY (ARRAY['Freemium', 'Plus', 'Pro']))
-- change: add column updated_at timestamptz

CREATE TABLE master.machine_assets (
    asset_id text NOT NULL,
    machine_id text NOT NULL,
    company_id text NOT NULL,
    supplier_name text,
    model_number text,
    manufacturing_year integer,
    commissioned_date date,
    warranty_expire_date date,
    license_type text DEFAULT 'Standard',
    is_activated boolean DEFAULT false,
    customer_address text,
    support_contact text,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT machine_assets_pkey PRIMARY KEY (asset_id),
    CONSTRAINT machine_assets_machine_id_company_id_fkey FOREIGN KEY (machine_id, company_id)
        REFERENCES master.machine_info (machine_id, company_id)
);
