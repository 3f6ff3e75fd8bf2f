-- what: every machine with history has its state, and it is that of its last cycle
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(w.machine_id, ', ')
    INTO v_wrong
    FROM (
        SELECT m.machine_id
        FROM master.machine_info AS m
        CROSS JOIN LATERAL (
            SELECT c.cycle_start, c.cycle_end
            FROM silver.machine_cycles AS c
            WHERE c.machine_iot_id = m.iot_id
            ORDER BY c.cycle_start DESC
            LIMIT 1
        ) AS last
        LEFT JOIN silver.latest_cycle_state AS s ON s.machine_iot_id = m.iot_id
        WHERE (s.last_cycle_start, s.last_cycle_end)
            IS DISTINCT FROM (last.cycle_start, last.cycle_end)
        LIMIT 20
    ) AS w;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'silver.latest_cycle_state does not agree with silver.machine_cycles'
            USING DETAIL = format('Machines: %s.', v_wrong),
                HINT = 'Run SELECT silver.fn_rebuild_cycle_state()';
    END IF;
END
$verify$;
