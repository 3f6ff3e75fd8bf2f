-- @section procedure
-- lint: allow-file qualified: FOR UPDATE OF names an alias
CREATE PROCEDURE alerting.proc_check_machine_downtime()
LANGUAGE plpgsql SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $procedure$
DECLARE
    v_number CONSTANT text := '^[0-9]+(\.[0-9]+)?$';
    v_fault record;
BEGIN
    -- Two engines at once would each miss the alert that the other is about to raise.
    LOCK TABLE alerting.active_alerts IN SHARE ROW EXCLUSIVE MODE;

    DELETE FROM alerting.rule_faults AS f
    WHERE NOT EXISTS (
        SELECT 1 FROM config.alert_rules AS r
        WHERE r.rule_id = f.rule_id AND r.enabled
            AND (
                r.metric <> 'downtime_duration'
                OR r.condition_operator NOT IN ('>', '>=', '<', '<=', '=', '==', '<>', '!=')
                OR r.threshold_value !~ v_number
            )
    );
    -- A rule that cannot be evaluated raises one warning and stays on record.
    FOR v_fault IN
        INSERT INTO alerting.rule_faults AS f (rule_id, reason)
        SELECT
            r.rule_id,
            CASE
                WHEN r.metric <> 'downtime_duration'
                    THEN format('no check knows the metric %s', r.metric)
                WHEN r.threshold_value !~ v_number
                    THEN format('its threshold %s is not a number of seconds', r.threshold_value)
                ELSE format('its operator %s is none of > >= < <= = <>', r.condition_operator)
            END
        FROM config.alert_rules AS r
        WHERE r.enabled
            AND (
                r.metric <> 'downtime_duration'
                OR r.condition_operator NOT IN ('>', '>=', '<', '<=', '=', '==', '<>', '!=')
                OR r.threshold_value !~ v_number
            )
        ON CONFLICT (rule_id) DO UPDATE
        SET reason = excluded.reason, noticed_at = excluded.noticed_at
        WHERE f.reason <> excluded.reason
        RETURNING f.rule_id, f.reason
    LOOP
        RAISE WARNING 'alert rule % is left out: %', v_fault.rule_id, v_fault.reason
            USING HINT = 'Correct the rule in config.alert_rules, or set enabled to false';
    END LOOP;

    WITH rules AS (
        SELECT
            r.rule_id,
            r.rule_name,
            r.company_iot_id,
            CASE r.condition_operator
                WHEN '==' THEN '='
                WHEN '!=' THEN '<>'
                ELSE r.condition_operator
            END
                AS operator,
            CASE
                WHEN r.threshold_value ~ v_number THEN r.threshold_value::numeric
            END AS threshold_sec
        FROM config.alert_rules AS r
        WHERE r.enabled AND NOT EXISTS (
            SELECT 1 FROM alerting.rule_faults AS f WHERE f.rule_id = r.rule_id
        )
    ),
    -- Stops without an end are few, and listed.
    open_stops AS (
        SELECT DISTINCT ON (l.machine_iot_id) l.machine_iot_id, l.down_start
        FROM gold.long_stops AS l
        WHERE l.is_open AND l.down_start <= now()
        ORDER BY l.machine_iot_id, l.down_start DESC
    ),
    -- The stop that counts for a machine: its newest open one, else its newest.
    newest AS MATERIALIZED (
        SELECT
            m.iot_id,
            m.company_iot_id,
            coalesce(o.down_start, s.down_start) AS down_start,
            CASE
                WHEN o.down_start IS NULL
                    THEN extract(EPOCH FROM greatest(s.down_end, s.down_start) - s.down_start)
                ELSE extract(EPOCH FROM now() - o.down_start)
            END AS seconds,
            o.down_start IS NULL AS has_ended
        FROM master.machine_info AS m
        LEFT JOIN LATERAL (
            SELECT d.down_start, d.down_end
            FROM silver.machine_downtime AS d
            WHERE d.machine_iot_id = m.iot_id AND d.down_start <= now()
                -- An infinite end counts as no end.
                AND (d.down_end IS NULL OR d.down_end < '2300-01-01 00:00:00+00')
            ORDER BY d.down_start DESC
            LIMIT 1
        ) AS s ON true
        LEFT JOIN open_stops AS o ON o.machine_iot_id = m.iot_id
        WHERE s.down_start IS NOT NULL OR o.down_start IS NOT NULL
    ),
    matched AS MATERIALIZED (
        SELECT
            n.iot_id,
            n.company_iot_id,
            n.down_start,
            n.seconds,
            n.has_ended,
            r.rule_id,
            r.rule_name,
            r.operator,
            r.threshold_sec
        FROM rules AS r
        INNER JOIN newest AS n ON CASE r.operator
            WHEN '>' THEN n.seconds > r.threshold_sec
            WHEN '>=' THEN n.seconds >= r.threshold_sec
            WHEN '<' THEN n.seconds < r.threshold_sec
            WHEN '<=' THEN n.seconds <= r.threshold_sec
            WHEN '=' THEN round(n.seconds) = r.threshold_sec
            WHEN '<>' THEN round(n.seconds) <> r.threshold_sec
        END
        WHERE r.company_iot_id IS NULL OR r.company_iot_id = n.company_iot_id
    ),
    -- An alert is over once its stop has ended, another has begun, or its condition no longer
    -- holds.
    answered AS (
        UPDATE alerting.history AS h
        SET status = 'Resolved', resolved_at = now()
        FROM (
            SELECT o.alert_id, o.time
            FROM alerting.history AS o
            INNER JOIN newest AS n ON n.iot_id = o.machine_iot_id
            INNER JOIN rules AS r ON r.rule_id = o.rule_id
            WHERE o.status IS DISTINCT FROM 'Resolved'
                AND (
                    n.has_ended
                    OR o.time < n.down_start
                    OR NOT EXISTS (
                        SELECT 1 FROM matched AS t
                        WHERE t.iot_id = n.iot_id AND t.rule_id = r.rule_id
                    )
                )
            -- One that a person resolves at this moment needs no second hand.
            FOR UPDATE OF o SKIP LOCKED
        ) AS k
        WHERE h.alert_id = k.alert_id AND h.time = k.time
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
                CASE t.operator
                    WHEN '>' THEN '%s: down for %s s, allowed are %s s'
                    ELSE '%s: down for %s s, the rule is %4$s %3$s s'
                END,
                t.rule_name,
                round(t.seconds),
                t.threshold_sec,
                t.operator
            ),
            round(t.seconds)::text
        FROM matched AS t
        WHERE NOT EXISTS (
                SELECT 1
                FROM alerting.history AS h
                WHERE h.machine_iot_id = t.iot_id
                    AND h.rule_id = t.rule_id
                    AND h.status IS DISTINCT FROM 'Resolved'
                    AND h.time >= t.down_start
            )
            -- Nor a second alert for one stop, after the first was resolved by hand.
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
                FROM matched AS t
                WHERE (t.company_iot_id, t.iot_id, t.rule_id)
                    = (a.company_iot_id, a.machine_iot_id, a.rule_id)
            )
    )
    INSERT INTO alerting.active_alerts AS a (
        company_iot_id, machine_iot_id, rule_id, start_time, last_checked_at
    )
    SELECT t.company_iot_id, t.iot_id, t.rule_id, t.down_start, now()
    FROM matched AS t
    LEFT JOIN raised AS h ON h.machine_iot_id = t.iot_id AND h.rule_id = t.rule_id
    LEFT JOIN alerting.active_alerts AS k
        ON k.machine_iot_id = t.iot_id AND k.rule_id = t.rule_id AND k.start_time = t.down_start
    WHERE h.rule_id IS NOT NULL OR k.rule_id IS NOT NULL
    ON CONFLICT (company_iot_id, machine_iot_id, rule_id) DO UPDATE
    SET start_time = excluded.start_time, last_checked_at = excluded.last_checked_at;

    INSERT INTO alerting.engine_runs AS n (check_name, finished_at) VALUES ('downtime', now())
    ON CONFLICT (check_name) DO UPDATE SET finished_at = excluded.finished_at;
END
$procedure$;

REVOKE ALL ON PROCEDURE alerting.proc_check_machine_downtime() FROM PUBLIC;

COMMENT ON PROCEDURE alerting.proc_check_machine_downtime() IS
    'Raises an alert for each machine whose open or newest stop fulfils a rule''s condition, and '
    'resolves those that are over';

-- @section grants
GRANT EXECUTE ON PROCEDURE alerting.proc_check_machine_downtime() TO setu_etl;
