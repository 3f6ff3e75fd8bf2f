-- New: the plants with business dates of the past that are not rolled up. Nearly always there are
-- none, so their plan is kept here and not made for each report.
-- @section function
CREATE FUNCTION gold.fn_unread_plants()
RETURNS TABLE (plant_iot_id integer, first_done date, last_done date, machines integer[])
LANGUAGE plpgsql STABLE SECURITY INVOKER
ROWS 1
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
DECLARE
    v_last date := (now() AT TIME ZONE 'UTC')::date - 4;
BEGIN
    IF NOT EXISTS (
        SELECT 1
        FROM (SELECT x.iot_id FROM master.plants AS x UNION ALL SELECT 0) AS p
        LEFT JOIN gold.rolled_up_dates AS r ON r.plant_iot_id = p.iot_id
        WHERE (r.first_date = '-infinity' AND r.last_date >= v_last) IS NOT TRUE
    ) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT k.plant_iot_id, r.first_date, r.last_date, array_agg(k.machine_iot_id)
    FROM (
        SELECT pm.plant_iot_id, i.iot_id AS machine_iot_id
        FROM master.machine_info AS i
        LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = i.iot_id
        UNION
        SELECT f.plant_iot_id, f.machine_iot_id FROM master.former_plants AS f
    ) AS k
    LEFT JOIN gold.rolled_up_dates AS r ON r.plant_iot_id = coalesce(k.plant_iot_id, 0)
    WHERE (r.first_date = '-infinity' AND r.last_date >= v_last) IS NOT TRUE
    GROUP BY k.plant_iot_id, r.first_date, r.last_date;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_unread_plants() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_unread_plants() IS
    'The plants with business dates that are not rolled up, the first and the last that are, and '
    'the machines that stand or stood there; plant null: machines without one';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_unread_plants() TO setu_etl, setu_reader;
