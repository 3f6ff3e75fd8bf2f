-- Rolls up dates that are over, newest first, a fortnight at a time, each in its own transaction.
DO $fill$
DECLARE
    v_all bigint;
    v_left bigint;
    v_before bigint;
    v_from date;
    v_idle integer := 0;
BEGIN
    LOOP
        SELECT count(d.day), coalesce(max(d.day), current_date) INTO v_left, v_from
        FROM (SELECT p.iot_id FROM master.plants AS p UNION ALL SELECT 0) AS p
        LEFT JOIN gold.rolled_up_dates AS r ON r.plant_iot_id = p.iot_id
        CROSS JOIN LATERAL gold.fn_unread_dates(r.first_date, r.last_date) AS d (day);
        v_all := coalesce(v_all, v_left);
        IF v_all > v_left THEN
            RAISE NOTICE 'gold machine_shifts: piece % of %, from %', v_all - v_left, v_all, v_from;
        END IF;
        v_idle := CASE WHEN v_left = v_before THEN v_idle + 1 ELSE 0 END;
        -- A round may be spent on stops without an end; or another session rolls up.
        EXIT WHEN v_before IS NOT NULL AND v_left = 0 OR v_idle = 20;
        v_before := v_left;
        CALL gold.sp_roll_up(0, '{"max_runtime": "15 seconds"}');
    END LOOP;
END
$fill$;

-- Without statistics of its tables, a report has a bad plan in its first minute.
ANALYZE gold.machine_shifts;
ANALYZE gold.machine_days;
