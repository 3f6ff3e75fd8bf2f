-- change: replace BY gold.v_live_machine_status

CREATE VIEW gold.v_live_machine_status AS
SELECT DISTINCT ON (s.company_id, s.machine_id)
    s.company_id,
    s.machine_id,
    m.device_id,
    m.plant_id,
    p.plant_name,
    s."time",
    s.program_no,
    s.status,
    s.operator_id,
    s.target,
    s.shift_id
FROM silver.machine_status AS s
INNER JOIN master.machine_info AS m
    ON m.company_id = s.company_id
    AND m.machine_id = s.machine_id
INNER JOIN master.plants AS p
    ON p.company_id = m.company_id
    AND p.plant_id = m.plant_id
ORDER BY s.company_id, s.machine_id, s."time" DESC, s.created_at DESC NULLS LAST;
