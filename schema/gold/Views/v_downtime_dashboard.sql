-- change: replace BY gold.v_downtime_dashboard

-- A company may hold one code under several ids: the lowest speaks for it, and no hour shows twice.
-- @community
CREATE VIEW gold.v_downtime_dashboard AS
WITH codes AS (
    SELECT DISTINCT ON (c.company_id, c.down_code)
        c.company_id,
        c.down_code,
        c.description
    FROM master.downtime_codes AS c
    ORDER BY c.company_id, c.down_code, c.down_id
)
SELECT
    s.bucket_time,
    s.company_id,
    s.machine_id,
    m.plant_id,
    p.plant_name,
    s.down_code,
    c.description,
    s.downtime_count,
    s.total_downtime_sec
FROM gold.hourly_downtime_stats AS s
LEFT JOIN master.machine_info AS m
    ON m.company_id = s.company_id
    AND m.machine_id = s.machine_id
LEFT JOIN master.plants AS p
    ON p.company_id = m.company_id
    AND p.plant_id = m.plant_id
LEFT JOIN codes AS c
    ON c.company_id = s.company_id
    AND c.down_code = s.down_code;
