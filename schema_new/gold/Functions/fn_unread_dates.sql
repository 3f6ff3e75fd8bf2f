-- New: the business dates of a machine's past that are not rolled up yet, one by one, so that a
-- report on a day reads that day.
-- @section function
CREATE FUNCTION gold.fn_unread_dates(
    p_machine_iot_id integer, p_first_done date, p_last_done date
)
RETURNS SETOF date
LANGUAGE plpgsql STABLE SECURITY INVOKER
ROWS 1  -- nearly always none, and a plan that expects many is compiled at length
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_last date := (now() AT TIME ZONE 'UTC')::date - 4;
    v_first date;
BEGIN
    IF p_first_done = '-infinity' AND p_last_done >= v_last THEN
        RETURN;
    END IF;
    SELECT (least(
        (SELECT min(d.down_start) FROM silver.machine_downtime AS d
            WHERE d.machine_iot_id = p_machine_iot_id AND d.down_start > '-infinity'),
        (SELECT min(c.cycle_start) FROM silver.machine_cycles AS c
            WHERE c.machine_iot_id = p_machine_iot_id AND c.cycle_start > '-infinity'),
        (SELECT min(f.event_time) FROM silver.machine_focas AS f
            WHERE f.machine_iot_id = p_machine_iot_id AND f.event_time > '-infinity')
    ) AT TIME ZONE 'UTC')::date - 3
    INTO v_first;
    RETURN QUERY
    SELECT v_first + n.days
    FROM generate_series(0, v_last - v_first) AS n (days)
    WHERE p_first_done IS NULL
        OR v_first + n.days NOT BETWEEN p_first_done AND p_last_done;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_unread_dates(integer, date, date) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_unread_dates(integer, date, date) IS
    'The business dates since a machine''s first row that are not rolled up and not of the last '
    'days';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_unread_dates(integer, date, date) TO setu_etl, setu_reader;
