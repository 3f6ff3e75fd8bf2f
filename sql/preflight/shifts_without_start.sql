-- title: v1 shifts have no start_time, so they have no place on the clock in v2
-- hint: Give each a start_time in master.shifts, or delete it if it is not used
-- from: 0001
SELECT
    'no start_time' AS problem,
    format('company %s, plant %s, shift %s', s.company_id, s.plant_id, s.shift_id) AS key,
    'name ' || s.shift_name AS detail
FROM master.shifts AS s
-- A shift of no known plant stays in the archive.
INNER JOIN master.plants AS p ON p.plant_id = s.plant_id AND p.company_id = s.company_id
WHERE s.start_time IS NULL;
