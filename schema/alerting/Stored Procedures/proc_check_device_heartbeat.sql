-- change: replace BY alerting.proc_check_device_heartbeat

-- Each call reports each silent machine again: v1 keeps no memory of what it has reported.
CREATE PROCEDURE alerting.proc_check_device_heartbeat(p_threshold_minutes integer DEFAULT 15)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog
SET timezone = 'Asia/Kolkata'
AS $procedure$
BEGIN
    INSERT INTO alerting.history (company_id, machine_id, message, value_at_alert)
    WITH newest AS (
        SELECT s.company_id, s.machine_id, max(s."time") AS last_seen
        FROM silver.machine_status AS s
        GROUP BY s.company_id, s.machine_id
    )
    SELECT
        m.company_id,
        m.machine_id,
        'Device Offline / Heartbeat Missed',
        COALESCE(n.last_seen::text, 'Never')
    FROM master.machine_info AS m
    LEFT JOIN newest AS n
        ON n.company_id = m.company_id
        AND n.machine_id = m.machine_id
    WHERE n.last_seen IS NULL
       OR n.last_seen < now() - make_interval(mins => p_threshold_minutes)
    ORDER BY m.company_id, m.machine_id;
END;
$procedure$;
