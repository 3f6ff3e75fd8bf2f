-- @section procedure
CREATE PROCEDURE alerting.proc_check_machine_downtime()
LANGUAGE plpgsql SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $procedure$
DECLARE
    v_number CONSTANT text := '^[0-9]+(\.[0-9]+)?$';
    v_rule record;
BEGIN
    FOR v_rule IN
        SELECT r.rule_id, r.rule_name, r.threshold_value
        FROM config.alert_rules AS r
        WHERE r.enabled AND r.metric = 'downtime_duration' AND r.threshold_value !~ v_number
        ORDER BY r.rule_id
    LOOP
        RAISE WARNING 'alert rule % (%) was left out: its threshold % is not a number of seconds',
            v_rule.rule_id, v_rule.rule_name, v_rule.threshold_value
            USING HINT = 'Set threshold_value to a number, or enabled to false.';
    END LOOP;
    -- Two engines at once would each miss the alert that the other is about to raise.
    LOCK TABLE alerting.active_alerts IN SHARE ROW EXCLUSIVE MODE;

    WITH rules AS (
        SELECT
            r.rule_id,
            r.rule_name,
            r.company_iot_id,
            CASE
                WHEN r.threshold_value ~ v_number THEN r.threshold_value::numeric
            END AS threshold_sec
        FROM config.alert_rules AS r
        WHERE r.enabled AND r.metric = 'downtime_duration'
    ),
    open_stops AS (
        SELECT DISTINCT ON (d.machine_iot_id) d.machine_iot_id, d.down_start
        FROM silver.machine_downtime AS d
        WHERE d.down_end IS NULL
        ORDER BY d.machine_iot_id, d.down_start DESC
    ),
    -- The stop that speaks for a machine: its newest open one, else its newest.
    newest AS MATERIALIZED (
        SELECT
            m.iot_id,
            m.company_iot_id,
            coalesce(o.down_start, s.down_start) AS down_start,
            CASE
                WHEN o.down_start IS NULL THEN extract(EPOCH FROM s.down_end - s.down_start)
                ELSE extract(EPOCH FROM now() - o.down_start)
            END AS seconds
        FROM master.machine_info AS m
        CROSS JOIN LATERAL (
            SELECT d.down_start, d.down_end
            FROM silver.machine_downtime AS d
            WHERE d.machine_iot_id = m.iot_id
            ORDER BY d.down_start DESC
            LIMIT 1
        ) AS s
        LEFT JOIN open_stops AS o ON o.machine_iot_id = m.iot_id
    ),
    too_long AS MATERIALIZED (
        SELECT
            n.iot_id,
            n.company_iot_id,
            n.down_start,
            n.seconds,
            r.rule_id,
            r.rule_name,
            r.threshold_sec
        FROM rules AS r
        INNER JOIN newest AS n ON n.seconds > r.threshold_sec
        WHERE r.company_iot_id IS NULL OR r.company_iot_id = n.company_iot_id
    ),
    -- An alert of an earlier stop is over: the machine ran, or it would not have stopped again.
    answered AS (
        UPDATE alerting.history AS h
        SET status = 'Resolved', resolved_at = now()
        FROM newest AS n, rules AS r
        WHERE h.machine_iot_id = n.iot_id
            AND h.rule_id = r.rule_id
            AND h.status IS DISTINCT FROM 'Resolved'
            AND h.time < n.down_start
    ),
    raised AS (
        INSERT INTO alerting.history (
            company_iot_id, rule_id, machine_iot_id, message, value_at_alert
        )
        SELECT
            t.company_iot_id,
            t.rule_id,
            t.iot_id,
            format(
                '%s: down for %s s, allowed are %s s',
                t.rule_name,
                round(t.seconds),
                t.threshold_sec
            ),
            round(t.seconds)::text
        FROM too_long AS t
        WHERE NOT EXISTS (
                SELECT 1
                FROM alerting.history AS h
                WHERE h.machine_iot_id = t.iot_id
                    AND h.rule_id = t.rule_id
                    AND h.status IS DISTINCT FROM 'Resolved'
                    AND h.time >= t.down_start
            )
            -- Nor a second time for one stop, after somebody resolved the first.
            AND NOT EXISTS (
                SELECT 1
                FROM alerting.active_alerts AS a
                WHERE a.machine_iot_id = t.iot_id
                    AND a.rule_id = t.rule_id
                    AND a.start_time = t.down_start
            )
        RETURNING machine_iot_id, rule_id
    ),
    gone AS (
        DELETE FROM alerting.active_alerts AS a
        USING config.alert_rules AS r
        WHERE r.rule_id = a.rule_id
            AND r.metric = 'downtime_duration'
            AND NOT EXISTS (
                SELECT 1
                FROM too_long AS t
                WHERE (t.company_iot_id, t.iot_id, t.rule_id)
                    = (a.company_iot_id, a.machine_iot_id, a.rule_id)
            )
    )
    INSERT INTO alerting.active_alerts AS a (
        company_iot_id, machine_iot_id, rule_id, start_time, last_checked_at
    )
    SELECT t.company_iot_id, t.iot_id, t.rule_id, t.down_start, now()
    FROM too_long AS t
    LEFT JOIN raised AS h ON h.machine_iot_id = t.iot_id AND h.rule_id = t.rule_id
    LEFT JOIN alerting.active_alerts AS k
        ON k.machine_iot_id = t.iot_id AND k.rule_id = t.rule_id AND k.start_time = t.down_start
    WHERE h.rule_id IS NOT NULL OR k.rule_id IS NOT NULL
    ON CONFLICT (company_iot_id, machine_iot_id, rule_id) DO UPDATE
    SET start_time = excluded.start_time, last_checked_at = excluded.last_checked_at;
END
$procedure$;

REVOKE ALL ON PROCEDURE alerting.proc_check_machine_downtime() FROM PUBLIC;

COMMENT ON PROCEDURE alerting.proc_check_machine_downtime() IS
    'Raises an alert for each machine whose open or newest stop is longer than a rule allows';

-- @section grants
GRANT EXECUTE ON PROCEDURE alerting.proc_check_machine_downtime() TO setu_etl;
