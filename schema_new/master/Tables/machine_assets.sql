-- @section table
CREATE TABLE master.machine_assets (
    asset_id text NOT NULL,
    machine_iot_id integer NOT NULL,
    company_iot_id integer NOT NULL,
    supplier_name text,
    model_number text,
    manufacturing_year integer,
    commissioned_date date,
    warranty_expire_date date,
    subscription_tier text NOT NULL DEFAULT 'Freemium',
    is_activated boolean DEFAULT false,
    customer_address text,
    support_contact text,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz,
    CONSTRAINT machine_assets_pkey PRIMARY KEY (asset_id),
    CONSTRAINT machine_assets_machine_iot_id_company_iot_id_fkey
        FOREIGN KEY (machine_iot_id, company_iot_id)
        REFERENCES master.machine_info (iot_id, company_iot_id),
    CONSTRAINT machine_assets_company_iot_id_fkey
        FOREIGN KEY (company_iot_id) REFERENCES master.companies (iot_id),
    CONSTRAINT machine_assets_subscription_tier_check
        CHECK (subscription_tier IN ('Freemium', 'Plus', 'Pro'))
);

COMMENT ON TABLE master.machine_assets IS
    'One row per machine as an asset: its maker, its warranty and what the customer subscribed to';

-- @section grants
GRANT SELECT ON master.machine_assets TO setu_reader;
