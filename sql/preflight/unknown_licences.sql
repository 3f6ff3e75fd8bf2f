-- title: v1 machine assets have licence types that v2 has no tier for
-- hint: Set license_type in master.machine_assets to Standard, Premium or Enterprise
-- from: 0001..0106
SELECT
    format('license_type is %L', a.license_type) AS problem,
    format('asset %s', a.asset_id) AS key,
    format('machine %s of company %s', a.machine_id, a.company_id) AS detail
FROM master.machine_assets AS a
WHERE a.license_type NOT IN ('Standard', 'Premium', 'Enterprise')
ORDER BY a.license_type, a.asset_id;
