-- New: when a business date is over, once for the roll-up and for machines that move.
-- @section function
CREATE FUNCTION master.fn_date_ends(p_plant_iot_id integer, p_date date) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT least(
        -- The next day has ended in the zone that is furthest behind.
        (p_date::timestamp + INTERVAL '60 hours') AT TIME ZONE 'UTC',
        coalesce(
            greatest(
                (SELECT max(e.ends_at)
                    FROM master.fn_shift_entries(p_plant_iot_id, p_date, p_date) AS e),
                (SELECT master.fn_wall_instant((p_date + 1)::timestamp, p.timezone)
                    FROM master.plants AS p
                    WHERE p.iot_id = p_plant_iot_id AND master.fn_knows_zone(p.timezone))
            ),
            (p_date::timestamp + INTERVAL '24 hours') AT TIME ZONE 'UTC'
        )
    )
$function$;

REVOKE ALL ON FUNCTION master.fn_date_ends(integer, date) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_date_ends(integer, date) IS
    'The instant at which a business date of a plant is over: its last shift and its local day '
    'have ended';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_date_ends(integer, date) TO setu_etl;
