-- change: replace BY gold.v_production_dashboard

-- @community
CREATE VIEW gold.v_production_dashboard AS
SELECT
    s.bucket_time,
    s.company_id,
    s.machine_id,
    m.device_id,
    m.plant_id,
    p.plant_name,
    s.program_no,
    s.total_cycles,
    s.avg_std_cycle_time,
    s.avg_actual_cycle_time_sec,
    s.last_cycle_time
FROM gold.hourly_production_stats AS s
LEFT JOIN master.machine_info AS m
    ON m.company_id = s.company_id
    AND m.machine_id = s.machine_id
LEFT JOIN master.plants AS p
    ON p.company_id = m.company_id
    AND p.plant_id = m.plant_id;
