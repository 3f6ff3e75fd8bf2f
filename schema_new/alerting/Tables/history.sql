CREATE TABLE alerting.history (
    alert_id bigserial,
    time timestamptz NOT NULL DEFAULT now(),
    company_iot_id integer NOT NULL,
    rule_id integer,
    machine_iot_id integer NOT NULL,
    message text,
    value_at_alert text,
    status text DEFAULT 'New',
    resolved_at timestamptz,
    CONSTRAINT history_pkey PRIMARY KEY (alert_id, time)
);

COMMENT ON TABLE alerting.history IS 'One row per alert; open until its status is Resolved';
COMMENT ON COLUMN alerting.history.rule_id IS
    'The rule that raised it; null: a missed heartbeat, which no rule asks for';
