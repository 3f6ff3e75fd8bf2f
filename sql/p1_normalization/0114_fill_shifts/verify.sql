-- what: the action exists, and no report by shift reads history from silver
DO $verify$
DECLARE
    v_left text;
BEGIN
    IF to_regprocedure('gold.sp_roll_up(integer, jsonb)') IS NULL THEN
        RAISE EXCEPTION 'gold.sp_roll_up is missing, so no day is rolled up';
    END IF;
    SELECT string_agg(p.iot_id::text, ', ') INTO v_left
    FROM master.plants AS p
    LEFT JOIN gold.rolled_up_dates AS r ON r.plant_iot_id = p.iot_id
    WHERE EXISTS (SELECT 1 FROM gold.fn_unread_dates(r.first_date, r.last_date) AS d (day));
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'shifts of history are not rolled up yet'
            USING DETAIL = format('Plants: %s.', v_left), HINT = 'Run alembic upgrade again';
    END IF;
END
$verify$;
