-- @section table
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
COMMENT ON COLUMN alerting.history.alert_id IS 'Drawn by the database';
COMMENT ON COLUMN alerting.history.time IS 'When the alert was raised';
COMMENT ON COLUMN alerting.history.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN alerting.history.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN alerting.history.message IS 'The alert in words';
COMMENT ON COLUMN alerting.history.value_at_alert IS 'What the metric was';
COMMENT ON COLUMN alerting.history.status IS 'New, Active or Resolved';
COMMENT ON COLUMN alerting.history.resolved_at IS 'When it was over; null while it lasts';

-- @section hypertable
SELECT create_hypertable(
    relation => 'alerting.history',
    dimension => by_range('time', INTERVAL '7 days'),
    create_default_indexes => false
);

-- @section indexes
CREATE INDEX history_time_idx ON alerting.history (time DESC);

-- @section grants
GRANT SELECT, INSERT, UPDATE ON alerting.history TO setu_etl;
GRANT USAGE ON SEQUENCE alerting.history_alert_id_seq TO setu_etl;
GRANT SELECT ON alerting.history TO setu_reader;
