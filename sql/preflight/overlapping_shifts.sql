-- title: v1 shifts of one plant overlap, and running shifts of a plant may not in v2
-- hint: Correct start_time or duration_hrs (8 where null) in master.shifts, so that none overlap
-- from: 0001
WITH span AS (
    SELECT
        s.company_id,
        s.plant_id,
        s.shift_id,
        s.start_time,
        extract(epoch FROM s.start_time) AS start_s,
        coalesce(s.duration_hrs, 8) * 3600 AS length_s
    FROM master.shifts AS s
    INNER JOIN master.plants AS p ON p.plant_id = s.plant_id AND p.company_id = s.company_id
    WHERE s.start_time IS NOT NULL
        AND coalesce(s.duration_hrs, 8) > 0
        AND coalesce(s.duration_hrs, 8) <= 24
)
SELECT
    'overlap' AS problem,
    format(
        'company %s, plant %s, shifts %s and %s', a.company_id, a.plant_id, a.shift_id, b.shift_id
    )
        AS key,
    format(
        '%s for %s h, %s for %s h',
        a.start_time, trim_scale(a.length_s / 3600), b.start_time, trim_scale(b.length_s / 3600)
    ) AS detail
FROM span AS a
INNER JOIN span AS b
    ON b.company_id = a.company_id AND b.plant_id = a.plant_id AND b.shift_id > a.shift_id
-- On the round of the clock: one begins before the other, counted from its own start, has ended.
WHERE mod(b.start_s - a.start_s + 86400, 86400) < a.length_s
    OR mod(a.start_s - b.start_s + 86400, 86400) < b.length_s;
