-- title: v1 shifts name a plant that their company does not have
-- hint: Correct company_id or plant_id in master.shifts, or they have no place in v2; v1 keeps them
-- from: 0001
-- level: warn
-- v1 tied a shift to its company and not to its plant, and looked shifts up by the plant's id
-- alone.
SELECT
    CASE WHEN o.companies IS NULL THEN 'no company has this plant'
        ELSE 'the plant is of another company' END AS problem,
    format('company %s, plant %s, shift %s', s.company_id, s.plant_id, s.shift_id) AS key,
    coalesce('plant ' || s.plant_id || ' is of company ' || o.companies, '') AS detail
FROM master.shifts AS s
LEFT JOIN LATERAL (
    SELECT string_agg(p.company_id, ', ' ORDER BY p.company_id) AS companies
    FROM master.plants AS p
    WHERE p.plant_id = s.plant_id
) AS o ON true
WHERE NOT EXISTS (
    SELECT 1 FROM master.plants AS p
    WHERE p.plant_id = s.plant_id AND p.company_id = s.company_id
)
ORDER BY s.company_id, s.plant_id, s.shift_id;
