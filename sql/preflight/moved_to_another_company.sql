-- title: v1 keeps machines and plants with their company
-- hint: Move each back to its company, or delete it and make it anew in the other one
-- undoes: 0107
SELECT
    'moved to company ' || now_of.company_id AS problem,
    o.kind || ' ' || o.name AS key,
    'v1 has it in company ' || o.company_id AS detail
FROM (
    SELECT 'machine' AS kind, m.machine_id AS name, k.company_id, m.company_iot_id
    FROM master.machine_info AS m
    INNER JOIN _archive.machine_keys AS k ON k.machine_iot_id = m.iot_id
    UNION ALL
    SELECT 'plant', p.plant_id, k.company_id, p.company_iot_id
    FROM master.plants AS p
    INNER JOIN _archive.plant_keys AS k ON k.plant_iot_id = p.iot_id
) AS o
INNER JOIN _archive.company_keys AS ck ON ck.company_id = o.company_id
INNER JOIN master.companies AS c ON c.iot_id = ck.company_iot_id
INNER JOIN master.companies AS now_of ON now_of.iot_id = o.company_iot_id
WHERE ck.company_iot_id <> o.company_iot_id
ORDER BY o.kind, o.name;
