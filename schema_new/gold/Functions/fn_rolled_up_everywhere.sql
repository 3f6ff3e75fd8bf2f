-- New: up to where reports need not look at what runs. Its plan is kept here and not made for each
-- report.
-- @section function
CREATE FUNCTION gold.fn_rolled_up_everywhere() RETURNS date
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    RETURN (
        SELECT min(coalesce(r.last_date, '-infinity'))
        FROM (SELECT x.iot_id FROM master.plants AS x UNION ALL SELECT 0) AS p
        LEFT JOIN gold.rolled_up_dates AS r ON r.plant_iot_id = p.iot_id
    );
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_rolled_up_everywhere() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_rolled_up_everywhere() IS
    'The last business date that is rolled up for all plants and for machines without one; '
    '-infinity: one of these has none';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_rolled_up_everywhere() TO setu_etl, setu_reader;
