-- New: the state of the alert engine, in one row.
-- @section view
CREATE VIEW alerting.v_engine_state AS
SELECT
    r.enabled_rules,
    r.last_enabled_at,
    e.finished_at AS last_run_at,
    r.enabled_rules > 0
        AND coalesce(e.finished_at, r.last_enabled_at, '-infinity') < now() - INTERVAL '1 hour'
        AS is_overdue,
    f.faulty_rules,
    f.faults
FROM (
    SELECT
        count(*) AS enabled_rules,
        -- A rule younger than an hour cannot be overdue.
        min(a.created_at) AS last_enabled_at
    FROM config.alert_rules AS a
    WHERE a.enabled
) AS r
CROSS JOIN (
    SELECT min(n.finished_at) AS finished_at
    FROM alerting.engine_runs AS n
    WHERE n.check_name = 'downtime'
) AS e
CROSS JOIN (
    SELECT
        count(*) AS faulty_rules,
        string_agg(format('rule %s: %s', b.rule_id, b.reason), '; ' ORDER BY b.rule_id) AS faults
    FROM alerting.rule_faults AS b
) AS f;

COMMENT ON VIEW alerting.v_engine_state IS
    'Whether the alert engine runs: overdue when rules are enabled and nothing has run it for an '
    'hour; and which rules it cannot evaluate';
COMMENT ON COLUMN alerting.v_engine_state.enabled_rules IS 'Number of rules that are enabled';
COMMENT ON COLUMN alerting.v_engine_state.last_enabled_at IS
    'When the oldest enabled rule was made; null: none is enabled';
COMMENT ON COLUMN alerting.v_engine_state.last_run_at IS
    'When the engine''s downtime check last ran to its end; null: it never did';
COMMENT ON COLUMN alerting.v_engine_state.is_overdue IS
    'Whether rules are enabled and that check last ran to its end over an hour ago; where it never '
    'did: the oldest of these rules is over an hour old';
COMMENT ON COLUMN alerting.v_engine_state.faulty_rules IS
    'Number of rules that the engine cannot evaluate';
COMMENT ON COLUMN alerting.v_engine_state.faults IS
    'These rules with the reasons; null: there are none';

-- @section grants
GRANT SELECT ON alerting.v_engine_state TO setu_etl, setu_reader;
