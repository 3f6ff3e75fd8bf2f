-- change: replace BY gold.v_oee_dashboard

-- Performance and quality are placeholders. A day without a downtime row was available throughout.
-- @community
CREATE VIEW gold.v_oee_dashboard AS
SELECT
    COALESCE(p.day, d.day) AS day,
    COALESCE(p.company_id, d.company_id) AS company_id,
    COALESCE(p.machine_id, d.machine_id) AS machine_id,
    (86400 - COALESCE(d.total_downtime_sec, 0)) / 86400 AS availability,
    0.85 AS performance,
    0.98 AS quality
FROM gold.daily_production_stats AS p
FULL JOIN gold.daily_downtime_stats AS d
    ON d.day = p.day
    AND d.company_id = p.company_id
    AND d.machine_id = p.machine_id;
