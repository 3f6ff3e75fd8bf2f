-- @section procedure
-- lint: allow-file qualified: FOR UPDATE OF names an alias
CREATE PROCEDURE alerting.proc_check_device_heartbeat(p_threshold_minutes integer DEFAULT 15)
LANGUAGE plpgsql SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET timezone = 'Asia/Kolkata'  -- what is shown as last seen is wall time, as in v1
AS $procedure$
DECLARE
    v_message CONSTANT text := 'Device Offline / Heartbeat Missed';
BEGIN
    IF p_threshold_minutes IS NULL OR p_threshold_minutes <= 0 THEN
        RAISE EXCEPTION 'cannot check heartbeats because the threshold is % minutes',
            coalesce(p_threshold_minutes::text, 'null')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a number of minutes above 0';
    END IF;
    -- Two engines at once would each miss the alert that the other is about to raise.
    LOCK TABLE alerting.active_alerts IN SHARE ROW EXCLUSIVE MODE;

    WITH machines AS MATERIALIZED (
        SELECT m.iot_id, m.company_iot_id, s.event_time AS last_seen
        FROM master.machine_info AS m
        LEFT JOIN LATERAL (
            SELECT n.event_time
            FROM silver.machine_status AS n
            -- A clock that is a day ahead or more says nothing about the present.
            WHERE n.machine_iot_id = m.iot_id AND n.event_time <= now() + INTERVAL '1 day'
            ORDER BY n.event_time DESC
            LIMIT 1
        ) AS s ON true
    ),
    -- A machine that was heard after its alert is no longer in alarm; its next silence is a new
    -- alert.
    answered AS (
        UPDATE alerting.history AS h
        SET status = 'Resolved', resolved_at = now()
        FROM (
            SELECT o.alert_id, o.time
            FROM alerting.history AS o
            INNER JOIN machines AS m ON m.iot_id = o.machine_iot_id
            WHERE o.rule_id IS NULL
                AND o.message = v_message
                AND o.status IS DISTINCT FROM 'Resolved'
                AND o.time < m.last_seen
            -- One that a person resolves at this moment needs no second hand.
            FOR UPDATE OF o SKIP LOCKED
        ) AS k
        WHERE h.alert_id = k.alert_id AND h.time = k.time
    )
    INSERT INTO alerting.history (company_iot_id, machine_iot_id, message, value_at_alert)
    SELECT m.company_iot_id, m.iot_id, v_message, coalesce(m.last_seen::text, 'Never')
    FROM machines AS m
    WHERE (m.last_seen IS NULL OR m.last_seen < now() - make_interval(mins => p_threshold_minutes))
        AND NOT EXISTS (
            SELECT 1
            FROM alerting.history AS h
            WHERE h.machine_iot_id = m.iot_id
                AND h.rule_id IS NULL
                AND h.message = v_message
                AND h.status IS DISTINCT FROM 'Resolved'
                AND h.time >= coalesce(m.last_seen, '-infinity')
        );

    INSERT INTO alerting.engine_runs AS n (check_name, finished_at) VALUES ('heartbeat', now())
    ON CONFLICT (check_name) DO UPDATE SET finished_at = excluded.finished_at;
END
$procedure$;

REVOKE ALL ON PROCEDURE alerting.proc_check_device_heartbeat(integer) FROM PUBLIC;

COMMENT ON PROCEDURE alerting.proc_check_device_heartbeat(integer) IS
    'Raises an alert for each machine that has been silent for so many minutes, unless one is open';

-- @section grants
GRANT EXECUTE ON PROCEDURE alerting.proc_check_device_heartbeat(integer) TO setu_etl;
