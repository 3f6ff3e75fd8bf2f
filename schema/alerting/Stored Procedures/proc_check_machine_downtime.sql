-- change: replace BY alerting.proc_check_machine_downtime

-- The threshold is seconds. A rule without a company is for all; one whose threshold is no number
-- never fires. An open downtime counts up to now, and before a later one that has ended.
CREATE PROCEDURE alerting.proc_check_machine_downtime()
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog
AS $procedure$
BEGIN
    INSERT INTO alerting.history (company_id, rule_id, machine_id, message, value_at_alert)
    WITH rules AS (
        SELECT
            r.rule_id,
            r.rule_name,
            r.company_id,
            CASE
                WHEN r.threshold_value ~ '^[0-9]+(\.[0-9]+)?$' THEN r.threshold_value::numeric
            END AS threshold_seconds
        FROM config.alert_rules AS r
        WHERE r.enabled
          AND r.metric = 'downtime_duration'
    ),
    latest AS (
        SELECT DISTINCT ON (d.company_id, d.machine_id)
            d.company_id,
            d.machine_id,
            extract(epoch FROM COALESCE(d.down_end, now()) - d.down_start) AS seconds
        FROM silver.machine_downtime AS d
        ORDER BY d.company_id, d.machine_id, (d.down_end IS NULL) DESC, d.down_start DESC
    )
    SELECT
        m.company_id,
        r.rule_id,
        m.machine_id,
        format('%s: down for %s s, allowed are %s s',
               r.rule_name, round(l.seconds), r.threshold_seconds),
        round(l.seconds)::text
    FROM rules AS r
    INNER JOIN master.machine_info AS m
        ON r.company_id IS NULL
        OR r.company_id = m.company_id
    INNER JOIN latest AS l
        ON l.company_id = m.company_id
        AND l.machine_id = m.machine_id
    WHERE l.seconds > r.threshold_seconds
    ORDER BY r.rule_id, m.company_id, m.machine_id;
END;
$procedure$;
