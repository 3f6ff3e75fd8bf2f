-- New: the machine days that a report reads from silver by themselves. Nearly always there are
-- none, so their plan is kept here and not made for each report.
-- @section function
CREATE FUNCTION gold.fn_days_to_read()
RETURNS TABLE (plant_iot_id integer, logical_date date, machines integer[])
LANGUAGE plpgsql STABLE SECURITY INVOKER
ROWS 1
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
DECLARE
    v_today date := (now() AT TIME ZONE 'UTC')::date;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM gold.stale_machine_days AS s)
        AND NOT EXISTS (SELECT 1 FROM master.former_plants AS f WHERE f.last_date >= v_today - 3)
    THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT a.plant_iot_id, a.logical_date, array_agg(a.machine_iot_id) AS machines
    FROM (
        SELECT k.machine_iot_id, k.logical_date, nullif(x.plant_iot_id, 0) AS plant_iot_id
        FROM gold.fn_days_to_redo() AS k
        CROSS JOIN LATERAL (
            SELECT
                coalesce(
                    (
                        -- 0: it had no plant, and a later one does not count.
                        SELECT coalesce(o.plant_iot_id, 0) FROM gold.machine_shifts AS o
                        WHERE o.machine_iot_id = k.machine_iot_id
                            AND o.logical_date = k.logical_date
                        LIMIT 1
                    ),
                    (
                        SELECT f.plant_iot_id FROM master.former_plants AS f
                        WHERE f.machine_iot_id = k.machine_iot_id
                            AND k.logical_date BETWEEN f.first_date AND f.last_date
                    ),
                    (
                        SELECT pm.plant_iot_id FROM master.plant_machine_mapping AS pm
                        WHERE pm.machine_iot_id = k.machine_iot_id
                    )
                ) AS plant_iot_id
        ) AS x
        INNER JOIN gold.rolled_up_dates AS r
            ON r.plant_iot_id = coalesce(x.plant_iot_id, 0)
            AND k.logical_date BETWEEN r.first_date AND r.last_date
        UNION
        SELECT f.machine_iot_id, n.logical_date, f.plant_iot_id
        FROM (
            SELECT v_today - v.days AS logical_date
            FROM (VALUES (0), (1), (2), (3)) AS v (days)
        ) AS n
        INNER JOIN master.former_plants AS f
            ON n.logical_date BETWEEN f.first_date AND f.last_date
        LEFT JOIN gold.rolled_up_dates AS r ON r.plant_iot_id = f.plant_iot_id
        WHERE n.logical_date > coalesce(r.last_date, '-infinity')
            AND NOT EXISTS (
                SELECT 1 FROM gold.machine_shifts AS o
                WHERE o.machine_iot_id = f.machine_iot_id
                    AND o.logical_date = n.logical_date
            )
    ) AS a
    GROUP BY a.plant_iot_id, a.logical_date;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_days_to_read() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_days_to_read() IS
    'By plant and business date, machines whose day changed after it was rolled up, or is just '
    'over and was spent in a plant that they have left';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_days_to_read() TO setu_etl, setu_reader;
