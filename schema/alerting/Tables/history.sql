-- change: drop constraint fk_ah_company
-- change: drop constraint fk_history_machine
-- change: drop constraint history_rule_id_fkey
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: rename column machine_id TO machine_iot_id
-- change: retype column machine_iot_id integer NOT NULL

CREATE TABLE alerting.history (
    alert_id bigserial NOT NULL,
    time timestamptz NOT NULL DEFAULT now(),
    company_id text NOT NULL,
    rule_id integer,
    machine_id text NOT NULL,
    message text,
    value_at_alert text,
    status text DEFAULT 'New',
    resolved_at timestamptz,
    CONSTRAINT history_pkey PRIMARY KEY (alert_id, "time"),
    CONSTRAINT fk_ah_company FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id),
    CONSTRAINT fk_history_machine FOREIGN KEY (machine_id, company_id)
        REFERENCES master.machine_info (machine_id, company_id),
    CONSTRAINT history_rule_id_fkey FOREIGN KEY (rule_id)
        REFERENCES config.alert_rules (rule_id)
);

SELECT public.create_hypertable(
    relation => 'alerting.history',
    time_column_name => 'time',
    chunk_time_interval => INTERVAL '7 days',
    create_default_indexes => false
);

CREATE INDEX history_time_idx ON alerting.history USING btree ("time" DESC);
