-- what: every piece of gold is filled, and no report by shift reads history from silver
DO $verify$
DECLARE
    v_left text;
BEGIN
    IF to_regnamespace('_stage') IS NULL THEN
        RETURN;
    END IF;
    IF to_regprocedure('_stage.fill_gold()') IS NULL THEN
        RAISE EXCEPTION 'gold has not been computed';
    END IF;
    IF EXISTS (SELECT 1 FROM _stage.gold_pieces AS p) THEN
        RAISE EXCEPTION 'pieces of gold are not computed yet'
            USING HINT = 'Run alembic upgrade again';
    END IF;
    IF to_regprocedure('_stage.sp_roll_up(integer, jsonb)') IS NULL THEN
        RAISE EXCEPTION 'shifts have not been rolled up';
    END IF;
    SELECT string_agg(p.iot_id::text, ', ') INTO v_left
    FROM _stage.plants AS p
    LEFT JOIN _stage.rolled_up_dates AS r ON r.plant_iot_id = p.iot_id
    WHERE EXISTS (SELECT 1 FROM _stage.fn_unread_dates(r.first_date, r.last_date) AS d (day));
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'shifts of history are not rolled up yet'
            USING DETAIL = format('Plants: %s.', v_left), HINT = 'Run alembic upgrade again';
    END IF;
END
$verify$;
