-- what: master.downtime_code_mapping, filled from v1's codes, which were kept company by company
-- why: v2 has one catalogue, and gateways go on sending the numbers of their company
-- transaction: yes
-- lock: SHARE ROW EXCLUSIVE on two tables of master, milliseconds, to create triggers
-- down: the mapping is archived, with what was added to it
-- @include schema_new/master/Tables/downtime_code_mapping.sql#table

SELECT _archive.restore_in_place('master', 'downtime_code_mapping');

-- What v1's companies mean by their numbers.
INSERT INTO master.downtime_code_mapping (company_iot_id, source_down_id, down_id)
SELECT c.iot_id, k.v1_down_id, k.down_id
FROM _archive.down_code_keys AS k
INNER JOIN _archive.company_keys AS ck ON ck.company_id = k.company_id
INNER JOIN master.companies AS c ON c.iot_id = ck.company_iot_id
INNER JOIN master.downtime_codes AS d ON d.down_id = k.down_id
ON CONFLICT (company_iot_id, source_down_id) DO NOTHING;

-- Codes and companies that v1 never had: the catalogue's own numbers.
INSERT INTO master.downtime_code_mapping (company_iot_id, source_down_id, down_id)
SELECT c.iot_id, d.down_id, d.down_id
FROM master.companies AS c
CROSS JOIN master.downtime_codes AS d
WHERE NOT EXISTS (SELECT 1 FROM _archive.downtime_codes AS v1 WHERE v1.down_code = d.down_code)
    OR NOT EXISTS (SELECT 1 FROM _archive.companies AS v1 WHERE v1.company_id = c.company_id)
ON CONFLICT (company_iot_id, source_down_id) DO NOTHING;

-- @include schema_new/master/Functions/fn_map_new_codes.sql
