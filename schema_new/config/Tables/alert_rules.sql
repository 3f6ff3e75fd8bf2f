-- @section table
CREATE TABLE config.alert_rules (
    rule_id serial,
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
    company_iot_id integer,
    CONSTRAINT alert_rules_pkey PRIMARY KEY (rule_id),
    CONSTRAINT alert_rules_company_iot_id_fkey
        FOREIGN KEY (company_iot_id) REFERENCES master.companies (iot_id),
    CONSTRAINT alert_rules_severity_check CHECK (severity IN ('Info', 'Warning', 'Critical')),
    CONSTRAINT alert_rules_value_type_check CHECK (value_type IN ('Numeric', 'String', 'Boolean')),
    CONSTRAINT alert_rules_check
        CHECK (value_type <> 'Numeric' OR threshold_value ~ '^[0-9]+(\.[0-9]+)?$')
);

COMMENT ON TABLE config.alert_rules IS 'Rules that raise alerts';
COMMENT ON COLUMN config.alert_rules.company_iot_id IS 'Null: the rule applies to every company';
COMMENT ON COLUMN config.alert_rules.rule_id IS 'Drawn by the database';
COMMENT ON COLUMN config.alert_rules.rule_name IS 'What people call the rule';
COMMENT ON COLUMN config.alert_rules.description IS 'In words, for people';
COMMENT ON COLUMN config.alert_rules.metric IS 'What the rule looks at';
COMMENT ON COLUMN config.alert_rules.condition_operator IS
    'How value and threshold are compared: >, <, >=, <=, =, !=';
COMMENT ON COLUMN config.alert_rules.threshold_value IS 'What the metric is compared with';
COMMENT ON COLUMN config.alert_rules.duration_sec IS 'Seconds for which the condition must hold';
COMMENT ON COLUMN config.alert_rules.severity IS 'Info, Warning or Critical';
COMMENT ON COLUMN config.alert_rules.enabled IS 'False: it is passed over';
COMMENT ON COLUMN config.alert_rules.created_at IS 'When the row was added';
COMMENT ON COLUMN config.alert_rules.value_type IS
    'How the threshold is read: Numeric, String or Boolean';

-- @section grants
GRANT SELECT ON config.alert_rules TO setu_etl, setu_reader;
