-- change: drop constraint alert_rules_company_id_fkey
-- change: drop constraint check_numeric_format
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer
-- change: add constraint alert_rules_company_iot_id_fkey FOREIGN KEY (company_iot_id)
--     REFERENCES master.companies(iot_id)
-- change: add constraint alert_rules_check
--     CHECK (value_type <> 'Numeric' OR threshold_value ~ '^[0-9]+(\.[0-9]+)?$')

CREATE TABLE config.alert_rules (
    rule_id serial NOT NULL,
    rule_name text NOT NULL,
    description text,
    metric text NOT NULL,
    condition_operator text NOT NULL,
    threshold_value text NOT NULL,
    duration_sec integer DEFAULT 0,
    severity text,
    enabled boolean DEFAULT true,
    created_at timestamptz DEFAULT now(),
    value_type text DEFAULT 'String',
    company_id text,
    CONSTRAINT alert_rules_pkey PRIMARY KEY (rule_id),
    CONSTRAINT alert_rules_company_id_fkey FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id),
    CONSTRAINT alert_rules_severity_check
        CHECK (severity = ANY (ARRAY['Info', 'Warning', 'Critical'])),
    CONSTRAINT alert_rules_value_type_check
        CHECK (value_type = ANY (ARRAY['Numeric', 'String', 'Boolean'])),
    CONSTRAINT check_numeric_format
        CHECK (value_type <> 'Numeric' OR threshold_value ~ '^[0-9]+(\.[0-9]+)?$')
);
