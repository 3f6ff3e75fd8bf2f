-- title: v1 rows name others that are not there, which v1's own foreign keys forbid
-- hint: Add what each names, or correct or delete the row; a restore without triggers lets such in
-- from: 0001..0106
-- A company that is not there would make a rule one of all companies, and a machine unknown.
WITH reference AS (
    SELECT
        'plant' AS kind,
        format('company %s, plant %s', p.company_id, p.plant_id) AS key,
        p.company_id,
        NULL AS plant_id,
        NULL AS machine_id,
        NULL AS user_id,
        NULL::integer AS rule_id
    FROM master.plants AS p
    UNION ALL
    SELECT 'machine', format('company %s, machine %s', m.company_id, m.machine_id), m.company_id,
        m.plant_id, NULL, NULL, NULL
    FROM master.machine_info AS m
    UNION ALL
    SELECT 'user', format('company %s, user %s', u.company_id, u.user_id), u.company_id,
        u.plant_id, NULL, NULL, NULL
    FROM master.users AS u
    UNION ALL
    SELECT 'downtime code', format('company %s, down_id %s', c.company_id, c.down_id),
        c.company_id, NULL, NULL, NULL, NULL
    FROM master.downtime_codes AS c
    UNION ALL
    SELECT 'machine asset', format('asset_id %s', a.asset_id), a.company_id, NULL, a.machine_id,
        NULL, NULL
    FROM master.machine_assets AS a
    UNION ALL
    SELECT 'production target', format('target_id %s', t.target_id), t.company_id, NULL,
        t.machine_id, NULL, NULL
    FROM master.production_targets AS t
    UNION ALL
    SELECT 'alert rule', format('rule_id %s', r.rule_id), r.company_id, NULL, NULL, NULL, NULL
    FROM config.alert_rules AS r
    UNION ALL
    SELECT 'alert subscription', format('subscription_id %s', s.subscription_id), s.company_id,
        NULL, NULL, s.user_id, s.rule_id
    FROM config.alert_subscriptions AS s
    UNION ALL
    SELECT 'active alert',
        format('company %s, machine %s, rule %s', a.company_id, a.machine_id, a.rule_id),
        a.company_id, NULL, a.machine_id, NULL, a.rule_id
    FROM alerting.active_alerts AS a
)
SELECT
    'no such ' || n.what AS problem,
    format('%s of %s', r.kind, r.key) AS key,
    n.missing AS detail
FROM reference AS r
CROSS JOIN LATERAL (
    SELECT 'company' AS what, format('company_id %s', r.company_id) AS missing
    WHERE NOT EXISTS (SELECT FROM master.companies AS c WHERE c.company_id = r.company_id)
    UNION ALL
    SELECT 'plant', format('plant_id %s of company %s', r.plant_id, r.company_id)
    WHERE r.plant_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM master.plants AS p
        WHERE p.plant_id = r.plant_id AND p.company_id = r.company_id
    )
    UNION ALL
    SELECT 'machine', format('machine_id %s of company %s', r.machine_id, r.company_id)
    WHERE r.machine_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM master.machine_info AS m
        WHERE m.machine_id = r.machine_id AND m.company_id = r.company_id
    )
    UNION ALL
    SELECT 'user', format('user_id %s of company %s', r.user_id, r.company_id)
    WHERE r.user_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM master.users AS u
        WHERE u.user_id = r.user_id AND u.company_id = r.company_id
    )
    UNION ALL
    SELECT 'rule', format('rule_id %s', r.rule_id)
    WHERE r.rule_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM config.alert_rules AS a WHERE a.rule_id = r.rule_id
    )
) AS n
-- A key of which a part is null refers to nothing, as in v1.
WHERE r.company_id IS NOT NULL OR n.what = 'rule'
