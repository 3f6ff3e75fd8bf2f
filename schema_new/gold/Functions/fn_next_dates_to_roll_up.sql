-- New: dates are rolled up without a gap, so that two dates describe the state. History goes a
-- fortnight at a time, since each look at it decompresses whole chunks.
-- @section function
CREATE FUNCTION gold.fn_next_dates_to_roll_up(
    p_plant_iot_id integer, OUT first_date date, OUT last_date date
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_done gold.rolled_up_dates;
    v_date date;
    v_ends timestamptz;
BEGIN
    SELECT r.* INTO v_done FROM gold.rolled_up_dates AS r WHERE r.plant_iot_id = p_plant_iot_id;
    v_date := coalesce(v_done.last_date + 1, (now() AT TIME ZONE 'UTC')::date);
    LOOP
        v_ends := greatest(
            master.fn_date_ends(p_plant_iot_id, v_date),
            (v_date::timestamp + INTERVAL '24 hours') AT TIME ZONE 'UTC'
        );
        -- Half a day later, few of its rows are still to come.
        EXIT WHEN v_ends + INTERVAL '12 hours' < now();
        IF v_done.last_date IS NOT NULL THEN
            v_date := NULL;
            EXIT;
        END IF;
        v_date := v_date - 1;
    END LOOP;
    IF v_date IS NOT NULL THEN
        first_date := v_date;
        -- After a pause, several dates are over.
        last_date := greatest(v_date, least(v_date + 13, (now() AT TIME ZONE 'UTC')::date - 4));
        RETURN;
    END IF;

    -- History, backwards, as far as silver goes.
    IF NOT isfinite(v_done.first_date) THEN
        RETURN;
    END IF;
    SELECT min(s.day), max(s.day) INTO first_date, last_date
    FROM (
        SELECT
            d.day,
            max(d.day) OVER () - d.day AS days_behind,
            row_number() OVER (ORDER BY d.day DESC) AS number
        FROM gold.fn_dates_in_silver() AS d (day)
        WHERE d.day < v_done.first_date
    ) AS s
    -- No date between them is missing in silver.
    WHERE s.days_behind < 14 AND s.number = s.days_behind + 1;
    IF first_date IS NOT NULL THEN
        RETURN;
    END IF;
    -- All of it. A later row for an older date is late and is noted.
    UPDATE gold.rolled_up_dates AS r SET first_date = '-infinity'
    WHERE r.plant_iot_id = p_plant_iot_id;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_next_dates_to_roll_up(integer) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_next_dates_to_roll_up(integer) IS
    'The first and the last of the business dates of a plant that are to be rolled up next; null: '
    'none yet';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_next_dates_to_roll_up(integer) TO setu_etl;
