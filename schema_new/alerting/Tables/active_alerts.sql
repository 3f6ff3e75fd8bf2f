-- @section table
CREATE TABLE alerting.active_alerts (
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    rule_id integer NOT NULL,
    start_time timestamptz NOT NULL,
    last_checked_at timestamptz NOT NULL,
    CONSTRAINT active_alerts_pkey PRIMARY KEY (company_iot_id, machine_iot_id, rule_id),
    CONSTRAINT active_alerts_company_iot_id_fkey
        FOREIGN KEY (company_iot_id) REFERENCES master.companies (iot_id),
    CONSTRAINT active_alerts_machine_iot_id_company_iot_id_fkey
        FOREIGN KEY (machine_iot_id, company_iot_id)
        REFERENCES master.machine_info (iot_id, company_iot_id),
    CONSTRAINT active_alerts_rule_id_fkey
        FOREIGN KEY (rule_id) REFERENCES config.alert_rules (rule_id)
);

COMMENT ON TABLE alerting.active_alerts IS
    'Machines for which a rule''s condition holds now, and for which it has raised its alert';
COMMENT ON COLUMN alerting.active_alerts.start_time IS
    'Since when it holds; of a downtime rule: the start of the stop that raised the alert';
COMMENT ON COLUMN alerting.active_alerts.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN alerting.active_alerts.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN alerting.active_alerts.rule_id IS 'Key of the rule';
COMMENT ON COLUMN alerting.active_alerts.last_checked_at IS 'When the engine looked last';

-- @section grants
GRANT SELECT, INSERT, UPDATE, DELETE ON alerting.active_alerts TO setu_etl;
GRANT SELECT ON alerting.active_alerts TO setu_reader;
