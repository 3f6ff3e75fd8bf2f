-- @section table
CREATE TABLE config.alert_subscriptions (
    subscription_id serial,
    rule_id integer,
    user_id text,
    method text,
    target_address text,
    created_at timestamptz DEFAULT now(),
    company_iot_id integer,
    CONSTRAINT alert_subscriptions_pkey PRIMARY KEY (subscription_id),
    CONSTRAINT alert_subscriptions_company_iot_id_fkey
        FOREIGN KEY (company_iot_id) REFERENCES master.companies (iot_id),
    CONSTRAINT alert_subscriptions_rule_id_fkey
        FOREIGN KEY (rule_id) REFERENCES config.alert_rules (rule_id),
    CONSTRAINT alert_subscriptions_user_id_company_iot_id_fkey
        FOREIGN KEY (user_id, company_iot_id) REFERENCES master.users (user_id, company_iot_id),
    CONSTRAINT alert_subscriptions_method_check CHECK (method IN ('Email', 'SMS', 'Push'))
);

COMMENT ON TABLE config.alert_subscriptions IS
    'Which users want which alerts, and how; SETU sends nothing: a sender of your own reads the '
    'alert history and this table';
COMMENT ON COLUMN config.alert_subscriptions.subscription_id IS 'Drawn by the database';
COMMENT ON COLUMN config.alert_subscriptions.rule_id IS 'Key of the rule';
COMMENT ON COLUMN config.alert_subscriptions.user_id IS 'Key of the person';
COMMENT ON COLUMN config.alert_subscriptions.method IS 'How a person is told, such as Email';
COMMENT ON COLUMN config.alert_subscriptions.target_address IS 'Where the person is told';
COMMENT ON COLUMN config.alert_subscriptions.created_at IS 'When the row was added';
COMMENT ON COLUMN config.alert_subscriptions.company_iot_id IS 'Key of the company';

-- @section grants
GRANT SELECT ON config.alert_subscriptions TO setu_reader;
