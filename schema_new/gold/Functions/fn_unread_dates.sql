-- New: the business dates of the past that are not rolled up yet, one by one, so that a report on a
-- day reads that day.
-- @section function
CREATE FUNCTION gold.fn_unread_dates(p_first_done date, p_last_done date) RETURNS SETOF date
LANGUAGE plpgsql STABLE SECURITY INVOKER
ROWS 1  -- nearly always none, and a plan that expects many is compiled at length
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_last date := (now() AT TIME ZONE 'UTC')::date - 4;
BEGIN
    IF p_first_done = '-infinity' AND p_last_done >= v_last THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT d.day
    FROM gold.fn_dates_in_silver() AS d (day)
    WHERE d.day <= v_last
        AND (p_first_done IS NULL OR d.day NOT BETWEEN p_first_done AND p_last_done);
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_unread_dates(date, date) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_unread_dates(date, date) IS
    'The business dates in silver that are not rolled up and not of the last days';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_unread_dates(date, date) TO setu_etl, setu_reader;
