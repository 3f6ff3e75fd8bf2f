-- title: v1 shifts last no time at all or longer than a day
-- hint: Correct duration_hrs in master.shifts to more than 0 and at most 24
-- from: 0001
SELECT
    'duration_hrs is ' || s.duration_hrs::text AS problem,
    format('company %s, plant %s, shift %s', s.company_id, s.plant_id, s.shift_id) AS key,
    'starts ' || s.start_time::text AS detail
FROM master.shifts AS s
INNER JOIN master.plants AS p ON p.plant_id = s.plant_id AND p.company_id = s.company_id
-- NaN sorts above every number, and a time counts microseconds.
WHERE round(s.duration_hrs * 3600, 6) <= 0 OR s.duration_hrs > 24;
