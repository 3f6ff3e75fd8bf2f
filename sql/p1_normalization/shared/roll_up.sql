-- History follows the current definitions: v1 has no others. Dates that are rolled up keep their
-- shifts.
CREATE FUNCTION _stage.settle_past_shifts() RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT _stage.fn_settle_shifts(p.iot_id, d.first_date, d.last_date)
    FROM _stage.plants AS p
    LEFT JOIN _stage.shift_calendar_extents AS x ON x.plant_iot_id = p.iot_id
    CROSS JOIN LATERAL (
        SELECT _stage.fn_plant_history_from(p.iot_id) AS first_date,
            (now() AT TIME ZONE 'UTC')::date - 1 AS yesterday
    ) AS h
    CROSS JOIN LATERAL (VALUES
        (h.first_date, coalesce(x.first_date - 1, h.yesterday)),
        (x.last_date + 1, h.yesterday)
    ) AS d (first_date, last_date)
    WHERE d.first_date <= d.last_date
$function$;

REVOKE ALL ON FUNCTION _stage.settle_past_shifts() FROM PUBLIC;
COMMENT ON FUNCTION _stage.settle_past_shifts() IS
    'Writes the shift calendar of dates that are over';
