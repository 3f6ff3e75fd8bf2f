-- what: each running shift covers its own first instant, and an instant without a shift has shift 0
DO $check$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(format('shift %s of plant %s', d.shift_id, d.plant_iot_id), ', ')
    INTO v_wrong
    FROM master.shift_definitions AS d
    INNER JOIN master.plants AS p ON p.iot_id = d.plant_iot_id
    CROSS JOIN LATERAL master.fn_get_shift(
        d.plant_iot_id, ((DATE '2024-01-10' + d.from_day) + d.start_time) AT TIME ZONE p.timezone
    ) AS s
    WHERE d.is_running
        AND (s.shift_id, s.logical_date) IS DISTINCT FROM (d.shift_id, DATE '2024-01-10');
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the shift functions do not find the shifts that are defined'
            USING DETAIL = v_wrong;
    END IF;
    IF (SELECT s.shift_id FROM master.fn_get_shift(NULL, now()) AS s) IS DISTINCT FROM 0 THEN
        RAISE EXCEPTION 'an instant that no shift covers must have shift 0';
    END IF;
END
$check$;
