-- title: v1 values are too long for v2's keys
-- hint: Shorten the values, or delete the rows
-- from: 0001..0106
SELECT
    format('%s has %s bytes compressed, 2600 at most can be a key', v.name, v.bytes) AS problem,
    v.key,
    v.place AS detail
FROM (
    SELECT 'alarm_no' AS name, pg_column_size(a.alarm_no) AS bytes,
        format('%s of company %s', a.machine_id, a.company_id) AS key,
        format('silver.machine_alarms, at %s: %s...', a.time, left(a.alarm_no, 20)) AS place
    FROM silver.machine_alarms AS a
    WHERE octet_length(a.alarm_no) > 2000
    UNION ALL
    SELECT 'category', pg_column_size(e.category),
        format('%s of company %s', e.machine_id, e.company_id),
        format('silver.machine_energy, at %s: %s...', e.time, left(e.category, 20))
    FROM silver.machine_energy AS e
    WHERE octet_length(e.category) > 2000
    UNION ALL
    SELECT 'tool_no', pg_column_size(u.tool_no),
        format('%s of company %s', u.machine_id, u.company_id),
        format('silver.machine_tool_usage, at %s: %s...', u.time, left(u.tool_no, 20))
    FROM silver.machine_tool_usage AS u
    WHERE octet_length(u.tool_no) > 2000
    UNION ALL
    SELECT 'question_id or user_id', pg_column_size(f.question_id) + pg_column_size(f.user_id),
        format('%s of company %s', f.machine_id, f.company_id),
        format('silver.customer_feedback, at %s: %s...', f.time, left(f.question_id, 20))
    FROM silver.customer_feedback AS f
    WHERE octet_length(f.question_id) + octet_length(f.user_id) > 2000
    UNION ALL
    SELECT 'company_id', pg_column_size(c.company_id), left(c.company_id, 40), 'master.companies'
    FROM master.companies AS c
    WHERE octet_length(c.company_id) > 1000
    UNION ALL
    SELECT 'machine_id', pg_column_size(m.machine_id), left(m.machine_id, 40), 'master.machine_info'
    FROM master.machine_info AS m
    WHERE octet_length(m.machine_id) > 1000
) AS v
WHERE v.bytes > 2600 OR v.place LIKE 'master.%'
ORDER BY v.place;
