-- New: a rule that cannot be evaluated raises no alert; this table lists it.
-- @section table
CREATE TABLE alerting.rule_faults (
    rule_id integer NOT NULL,
    reason text NOT NULL,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT rule_faults_pkey PRIMARY KEY (rule_id),
    CONSTRAINT rule_faults_rule_id_fkey
        FOREIGN KEY (rule_id) REFERENCES config.alert_rules (rule_id) ON DELETE CASCADE
);

COMMENT ON TABLE alerting.rule_faults IS
    'Enabled rules that the engine cannot evaluate, with the reason; a row goes once the rule is '
    'corrected';
COMMENT ON COLUMN alerting.rule_faults.rule_id IS 'Key of the rule';
COMMENT ON COLUMN alerting.rule_faults.reason IS 'Why the engine cannot evaluate the rule';
COMMENT ON COLUMN alerting.rule_faults.noticed_at IS 'When the engine met the fault first';

-- @section grants
GRANT SELECT, INSERT, UPDATE, DELETE ON alerting.rule_faults TO setu_etl;
GRANT SELECT ON alerting.rule_faults TO setu_reader;
