-- New: dates are rolled up without a gap, so that two dates describe the state.
-- @section function
CREATE FUNCTION gold.fn_next_date_to_roll_up(p_plant_iot_id integer) RETURNS date
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
        -- A date is over everywhere once the next day has ended in the zone that is furthest
        -- behind, or for this plant once its last shift and its local day have ended. Half a day is
        -- added.
        SELECT least(
            (v_date::timestamp + INTERVAL '60 hours') AT TIME ZONE 'UTC',
            greatest(
                (SELECT max(e.ends_at)
                    FROM master.fn_shift_entries(p_plant_iot_id, v_date, v_date) AS e),
                (SELECT master.fn_wall_instant((v_date + 1)::timestamp, p.timezone)
                    FROM master.plants AS p
                    WHERE p.iot_id = p_plant_iot_id AND master.fn_knows_zone(p.timezone)),
                (v_date::timestamp + INTERVAL '24 hours') AT TIME ZONE 'UTC'
            )
        ) INTO v_ends;
        EXIT WHEN v_ends + INTERVAL '12 hours' < now();
        IF v_done.last_date IS NOT NULL THEN
            v_date := NULL;
            EXIT;
        END IF;
        v_date := v_date - 1;
    END LOOP;
    IF v_date IS NOT NULL THEN
        RETURN v_date;
    END IF;

    -- History, backwards, as far as silver goes.
    IF NOT isfinite(v_done.first_date) THEN
        RETURN NULL;
    END IF;
    SELECT max(d.day) INTO v_date
    FROM gold.fn_dates_in_silver() AS d (day)
    WHERE d.day < v_done.first_date;
    IF v_date IS NOT NULL THEN
        RETURN v_date;
    END IF;
    -- All of it. A later row for an older date is late and is noted.
    UPDATE gold.rolled_up_dates AS r SET first_date = '-infinity'
    WHERE r.plant_iot_id = p_plant_iot_id;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_next_date_to_roll_up(integer) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_next_date_to_roll_up(integer) IS
    'The business date of a plant that is to be rolled up next; null: none yet';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_next_date_to_roll_up(integer) TO setu_etl;
