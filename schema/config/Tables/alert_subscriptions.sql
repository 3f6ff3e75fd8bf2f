-- change: drop constraint alert_subscriptions_company_id_fkey
-- change: drop constraint fk_alert_user
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer
-- change: add constraint alert_subscriptions_company_iot_id_fkey FOREIGN KEY (company_iot_id)
--     REFERENCES master.companies(iot_id)
-- change: add constraint alert_subscriptions_user_id_company_iot_id_fkey
--     FOREIGN KEY (user_id, company_iot_id)
--     REFERENCES master.users(user_id, company_iot_id)

CREATE TABLE config.alert_subscriptions (
    subscription_id serial NOT NULL,
    rule_id integer,
    user_id text,
    method text,
    target_address text,
    created_at timestamptz DEFAULT now(),
    company_id text,
    CONSTRAINT alert_subscriptions_pkey PRIMARY KEY (subscription_id),
    CONSTRAINT alert_subscriptions_company_id_fkey FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id),
    CONSTRAINT alert_subscriptions_rule_id_fkey FOREIGN KEY (rule_id)
        REFERENCES config.alert_rules (rule_id),
    CONSTRAINT fk_alert_user FOREIGN KEY (user_id, company_id)
        REFERENCES master.users (user_id, company_id),
    CONSTRAINT alert_subscriptions_method_check
        CHECK (method = ANY (ARRAY['Email', 'SMS', 'Push']))
);
