-- title: v1 counters do not fit v2's 32-bit integers
-- hint: Correct the values in silver.machine_focas or silver.machine_tool_usage, or delete the rows
-- from: 0001..0106
SELECT
    format('%s is %s', c.name, c.value) AS problem,
    format('%s of company %s', c.machine_id, c.company_id) AS key,
    format('%s, at %s', c.source, c.time) AS detail
FROM (
    SELECT 'silver.machine_focas' AS source, f.machine_id, f.company_id, f.time, v.name, v.value
    FROM silver.machine_focas AS f
    CROSS JOIN LATERAL (VALUES
        ('part_count', f.part_count), ('rej_count', f.rej_count), ('pot', f.pot), ('ot', f.ot),
        ('ct', f.ct)
    ) AS v (name, value)
    -- In range as they are, which is quick to see: they need not be rounded.
    WHERE NOT (
        f.part_count BETWEEN -2147483648 AND 2147483647
        AND f.rej_count BETWEEN -2147483648 AND 2147483647
        AND f.pot BETWEEN -2147483648 AND 2147483647
        AND f.ot BETWEEN -2147483648 AND 2147483647
        AND f.ct BETWEEN -2147483648 AND 2147483647
    )
    UNION ALL
    SELECT 'silver.machine_tool_usage', t.machine_id, t.company_id, t.time, v.name, v.value
    FROM silver.machine_tool_usage AS t
    CROSS JOIN LATERAL (VALUES
        ('target_count', t.target_count), ('actual_count', t.actual_count)
    ) AS v (name, value)
    WHERE NOT (
        t.target_count BETWEEN -2147483648 AND 2147483647
        AND t.actual_count BETWEEN -2147483648 AND 2147483647
    )
) AS c
INNER JOIN master.machine_info AS m ON m.machine_id = c.machine_id AND m.company_id = c.company_id
-- As the step rounds; NaN sorts above every number.
WHERE round(c.value::numeric) NOT BETWEEN -2147483648 AND 2147483647
ORDER BY c.source, c.time, c.name;
