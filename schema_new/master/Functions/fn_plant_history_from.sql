-- New: how far back a plant's shift calendar must go: a plant without rows in silver has no past.
-- @section function
CREATE FUNCTION master.fn_plant_history_from(p_plant_iot_id integer) RETURNS date
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_today date := (now() AT TIME ZONE 'UTC')::date;
BEGIN
    IF EXISTS (
        SELECT 1
        FROM (
            SELECT pm.machine_iot_id, 'infinity'::timestamptz AS until
            FROM master.plant_machine_mapping AS pm
            WHERE pm.plant_iot_id = p_plant_iot_id
            UNION ALL
            -- One that has left keeps its dates here; rows from after that are of another plant.
            SELECT fp.machine_iot_id, (fp.last_date::timestamp + INTERVAL '60 hours')
                AT TIME ZONE 'UTC'
            FROM master.former_plants AS fp
            WHERE fp.plant_iot_id = p_plant_iot_id
        ) AS k
        WHERE EXISTS (
                SELECT 1 FROM silver.machine_status AS f
                WHERE f.machine_iot_id = k.machine_iot_id AND f.event_time < k.until
            )
            OR EXISTS (
                SELECT 1 FROM silver.machine_cycles AS f
                WHERE f.machine_iot_id = k.machine_iot_id AND f.cycle_start < k.until
            )
            OR EXISTS (
                SELECT 1 FROM silver.machine_downtime AS f
                WHERE f.machine_iot_id = k.machine_iot_id AND f.down_start < k.until
            )
            OR EXISTS (
                SELECT 1 FROM silver.machine_focas AS f
                WHERE f.machine_iot_id = k.machine_iot_id AND f.event_time < k.until
            )
    ) THEN
        -- From the oldest chunk that is not absurdly old; two days more for zones and long shifts.
        RETURN (
            SELECT greatest((min(c.range_start) AT TIME ZONE 'UTC')::date - 2, v_today - 800)
            FROM timescaledb_information.chunks AS c
            WHERE format('%I.%I', c.hypertable_schema, c.hypertable_name) LIKE 'silver.%'
                AND c.range_start < now()
        );
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_plant_history_from(integer) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_plant_history_from(integer) IS
    'The first date of a plant''s past that the shift calendar keeps, at most 800 days ago; null: '
    'silver has no rows of it';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_plant_history_from(integer) TO setu_etl;
