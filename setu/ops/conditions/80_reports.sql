-- must shift_calendar_goes_on: The shift calendar of each plant is written for the weeks ahead
-- must reports_are_rolled_up: Days that are over are rolled up, or each report reads all of silver
-- must alerts_are_checked: Enabled alert rules are evaluated, each of them
-- needs master.shift_calendar_extents
-- needs gold.rolled_up_dates
-- needs alerting.v_engine_state
WITH today AS (
    SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS day
)
SELECT 'shift_calendar_goes_on', 'plant ' || p.plant_id,
    format('has its shift calendar up to %s only', x.last_date),
    'CALL master.sp_extend_shift_calendar(NULL, NULL); and see what it says of the plant'
FROM master.shift_calendar_extents AS x
INNER JOIN master.plants AS p ON p.iot_id = x.plant_iot_id
CROSS JOIN today AS t
-- An hourly action writes it sixty days ahead.
WHERE x.last_date < t.day + 50
UNION ALL
SELECT 'reports_are_rolled_up',
    coalesce('plant ' || p.plant_id, 'machines without a plant'),
    format('are rolled up to %s only', r.last_date),
    'CALL gold.sp_roll_up(NULL, NULL); again and again, until it has caught up'
FROM gold.rolled_up_dates AS r
LEFT JOIN master.plants AS p ON p.iot_id = r.plant_iot_id
CROSS JOIN today AS t
WHERE r.last_date < t.day - 6
    AND (p.iot_id IS NOT NULL OR r.plant_iot_id = 0)
UNION ALL
SELECT 'alerts_are_checked', 'alert engine',
    coalesce(
        format('last checked the rules at %s', date_trunc('second', e.last_run_at)),
        format('has never checked the %s enabled rules', e.enabled_rules)
    ),
    'CALL alerting.proc_run_engine(); each minute, by setu worker --alerts or a job of your '
        'own; or '
    || 'UPDATE config.alert_rules SET enabled = false'
FROM alerting.v_engine_state AS e
WHERE e.is_overdue
    -- After an upgrade, who calls the engine has an hour's time: the loads run each minute.
    AND (e.last_run_at IS NOT NULL OR (SELECT max(r.runs) FROM _etl.v_error_rate AS r) > 60)
UNION ALL
SELECT 'alerts_are_checked', 'alert engine', format('cannot evaluate %s', e.faults),
    'UPDATE config.alert_rules, or SET enabled = false, of the rule that is named'
FROM alerting.v_engine_state AS e
WHERE e.faulty_rules > 0
