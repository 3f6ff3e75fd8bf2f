-- New: writes the shifts of dates that the calendar lacks, so that a later change of the
-- definitions does not affect them.
-- @section function
CREATE FUNCTION master.fn_settle_shifts(p_plant_iot_id integer, p_first date, p_last date)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_written bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('master.shift_calendar'), p_plant_iot_id);

    WITH outside AS (
        SELECT d.first_date, d.last_date
        FROM (SELECT 1) AS one
        LEFT JOIN master.shift_calendar_extents AS x ON x.plant_iot_id = p_plant_iot_id
        CROSS JOIN LATERAL (VALUES
            (p_first, coalesce(x.first_date - 1, p_last)),
            (x.last_date + 1, p_last)
        ) AS d (first_date, last_date)
        WHERE d.first_date <= d.last_date
    ),
    written AS (
        INSERT INTO master.shift_calendar (
            plant_iot_id, logical_date, shift_id, shift_name, starts_at, ends_at, is_working,
            planned_breaks
        )
        SELECT
            p_plant_iot_id, d.logical_date, d.shift_id, d.shift_name, d.starts_at, d.ends_at,
            d.is_working, d.planned_breaks
        FROM outside AS o
        CROSS JOIN LATERAL master.fn_defined_shifts(p_plant_iot_id, o.first_date, o.last_date) AS d
        -- A night shift of the date before that was written by former definitions stays.
        WHERE NOT EXISTS (
            SELECT 1 FROM master.shift_calendar AS c
            WHERE int4range(c.plant_iot_id, c.plant_iot_id, '[]')
                    && int4range(p_plant_iot_id, p_plant_iot_id, '[]')
                AND tstzrange(c.starts_at, c.ends_at) && tstzrange(d.starts_at, d.ends_at)
        )
        RETURNING 1
    )
    SELECT count(*) INTO v_written FROM written;

    INSERT INTO master.shift_calendar_extents AS x (plant_iot_id, first_date, last_date)
    SELECT p.iot_id, p_first, p_last FROM master.plants AS p
    WHERE p.iot_id = p_plant_iot_id AND p_first <= p_last
    ON CONFLICT (plant_iot_id) DO UPDATE
    SET first_date = least(x.first_date, excluded.first_date),
        last_date = greatest(x.last_date, excluded.last_date)
    WHERE excluded.first_date < x.first_date OR excluded.last_date > x.last_date;
    RETURN v_written;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_settle_shifts(integer, date, date) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_settle_shifts(integer, date, date) IS
    'Writes a plant''s shift calendar for dates that it lacks, from the first to the last; '
    'returns how many entries';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_settle_shifts(integer, date, date) TO setu_etl;
