-- New: updates shifts that have not begun from the definitions, and extends the calendar.
-- @section function
CREATE FUNCTION master.fn_plan_shifts(p_plant_iot_id integer, p_days_ahead integer DEFAULT 60)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_today date := (now() AT TIME ZONE 'UTC')::date;
    -- Silver has no rows of the plant: its shifts are still being set up, one after the other.
    v_is_new boolean := master.fn_plant_history_from(p_plant_iot_id) IS NULL;
    v_known master.shift_calendar_extents;
    v_from date;
    v_free_from timestamptz;
    v_settled bigint;
    v_removed bigint;
    v_added bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('master.shift_calendar'), p_plant_iot_id);
    SELECT x.* INTO v_known
    FROM master.shift_calendar_extents AS x
    WHERE x.plant_iot_id = p_plant_iot_id;
    -- A new plant's calendar begins with the date of the clock that is furthest behind. For the
    -- days before, its definitions count until silver has rows of it.
    v_settled := master.fn_settle_shifts(
        p_plant_iot_id,
        coalesce(v_known.last_date + 1, v_today - 1),
        v_today + p_days_ahead
    );
    SELECT x.* INTO v_known
    FROM master.shift_calendar_extents AS x
    WHERE x.plant_iot_id = p_plant_iot_id;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    v_from := greatest(v_known.first_date, v_today - 3);

    -- A shift that has begun runs to its end, even if its definition has changed.
    SELECT coalesce(greatest(max(c.ends_at), now()), now()) INTO v_free_from
    FROM master.shift_calendar AS c
    WHERE c.plant_iot_id = p_plant_iot_id AND c.logical_date >= v_from AND c.starts_at <= now();

    DELETE FROM master.shift_calendar AS c
    WHERE c.plant_iot_id = p_plant_iot_id
        AND c.logical_date >= v_from
        AND c.starts_at > now()
        AND NOT EXISTS (
            SELECT 1
            FROM master.fn_defined_shifts(p_plant_iot_id, v_from, v_known.last_date) AS d
            CROSS JOIN LATERAL (SELECT greatest(d.starts_at, v_free_from) AS starts_at) AS f
            WHERE d.logical_date = c.logical_date
                AND d.shift_id = c.shift_id
                AND (d.shift_name, f.starts_at, d.ends_at, d.is_working)
                    IS NOT DISTINCT FROM (c.shift_name, c.starts_at, c.ends_at, c.is_working)
                AND d.planned_breaks * tstzmultirange(
                    tstzrange(f.starts_at, greatest(f.starts_at, d.ends_at))
                )
                    = c.planned_breaks
        );
    GET DIAGNOSTICS v_removed = ROW_COUNT;

    INSERT INTO master.shift_calendar (
        plant_iot_id, logical_date, shift_id, shift_name, starts_at, ends_at, is_working,
        planned_breaks
    )
    SELECT
        p_plant_iot_id,
        d.logical_date,
        d.shift_id,
        d.shift_name,
        f.starts_at,
        d.ends_at,
        d.is_working,
        d.planned_breaks * tstzmultirange(
                    tstzrange(f.starts_at, greatest(f.starts_at, d.ends_at))
                )
    FROM master.fn_defined_shifts(p_plant_iot_id, v_from, v_known.last_date) AS d
    CROSS JOIN LATERAL (
        SELECT
            CASE
                WHEN v_is_new AND d.starts_at <= now() AND NOT EXISTS (
                    SELECT 1 FROM master.shift_calendar AS c
                    WHERE c.plant_iot_id = p_plant_iot_id
                        AND c.logical_date BETWEEN d.logical_date - 2 AND d.logical_date + 2
                        AND c.starts_at < d.ends_at AND c.ends_at > d.starts_at
                ) THEN d.starts_at
                ELSE greatest(d.starts_at, v_free_from)
            END AS starts_at
    ) AS f
    WHERE f.starts_at < d.ends_at
    ON CONFLICT (plant_iot_id, logical_date, shift_id) DO NOTHING;
    GET DIAGNOSTICS v_added = ROW_COUNT;
    RETURN v_settled + v_removed + v_added;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_plan_shifts(integer, integer) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_plan_shifts(integer, integer) IS
    'Writes a plant''s shift calendar so many days ahead, by the definitions; returns how many '
    'entries changed';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_plan_shifts(integer, integer) TO setu_etl;
