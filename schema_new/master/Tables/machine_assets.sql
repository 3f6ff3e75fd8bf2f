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
COMMENT ON COLUMN master.machine_assets.asset_id IS 'The company''s own id of the asset';
COMMENT ON COLUMN master.machine_assets.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN master.machine_assets.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN master.machine_assets.supplier_name IS 'Who sold the machine';
COMMENT ON COLUMN master.machine_assets.model_number IS 'Maker''s model';
COMMENT ON COLUMN master.machine_assets.manufacturing_year IS 'Year of manufacture';
COMMENT ON COLUMN master.machine_assets.commissioned_date IS 'When the machine was first run';
COMMENT ON COLUMN master.machine_assets.warranty_expire_date IS 'Last date of the warranty';
COMMENT ON COLUMN master.machine_assets.subscription_tier IS 'Standard, Premium or Enterprise';
COMMENT ON COLUMN master.machine_assets.is_activated IS 'Whether the asset is in use';
COMMENT ON COLUMN master.machine_assets.customer_address IS
    'Where the machine stands at the customer';
COMMENT ON COLUMN master.machine_assets.support_contact IS 'Whom to call';
COMMENT ON COLUMN master.machine_assets.created_at IS 'When the row was added';
COMMENT ON COLUMN master.machine_assets.updated_at IS 'When the row was changed last';

-- @section grants
GRANT SELECT ON master.machine_assets TO setu_reader;
