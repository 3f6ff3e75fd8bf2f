-- @section function
CREATE FUNCTION gold.get_home_screen_stats(_company_iot_id integer)
RETURNS TABLE (
    total_machines bigint,
    running_machines bigint,
    stopped_machines bigint,
    idle_machines bigint
)
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT
        count(*),
        count(*) FILTER (WHERE lower(s.status) = 'running'),
        count(*) FILTER (WHERE lower(s.status) = 'stopped'),
        count(*) FILTER (WHERE lower(s.status) = 'idle')
    FROM master.machine_info AS m
    LEFT JOIN LATERAL (
        SELECT n.status
        FROM silver.machine_status AS n
        WHERE n.machine_iot_id = m.iot_id
        ORDER BY n.event_time DESC
        LIMIT 1
    ) AS s ON true
    WHERE m.company_iot_id = _company_iot_id
$function$;

REVOKE ALL ON FUNCTION gold.get_home_screen_stats(integer) FROM PUBLIC;

COMMENT ON FUNCTION gold.get_home_screen_stats(integer) IS
    'How many machines a company has, and how many ran, stood or idled when last heard of';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.get_home_screen_stats(integer) TO setu_reader;
