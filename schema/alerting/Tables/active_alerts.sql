-- change: drop constraint active_alerts_pkey
-- change: drop constraint fk_aa_company
-- change: drop constraint fk_active_machine
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: rename column machine_id TO machine_iot_id
-- change: retype column machine_iot_id integer NOT NULL
-- change: add constraint active_alerts_pkey PRIMARY KEY (company_iot_id, machine_iot_id, rule_id)
-- change: add constraint active_alerts_company_iot_id_fkey FOREIGN KEY (company_iot_id)
--     REFERENCES master.companies(iot_id)
-- change: add constraint active_alerts_machine_iot_id_company_iot_id_fkey
--     FOREIGN KEY (machine_iot_id, company_iot_id)
--     REFERENCES master.machine_info(iot_id, company_iot_id)

CREATE TABLE alerting.active_alerts (
    company_id text NOT NULL,
    machine_id text NOT NULL,
    rule_id integer NOT NULL,
    start_time timestamptz NOT NULL,
    last_checked_at timestamptz NOT NULL,
    CONSTRAINT active_alerts_pkey PRIMARY KEY (company_id, machine_id, rule_id),
    CONSTRAINT active_alerts_rule_id_fkey FOREIGN KEY (rule_id)
        REFERENCES config.alert_rules (rule_id),
    CONSTRAINT fk_aa_company FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id),
    CONSTRAINT fk_active_machine FOREIGN KEY (machine_id, company_id)
        REFERENCES master.machine_info (machine_id, company_id)
);
