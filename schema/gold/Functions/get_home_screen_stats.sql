-- change: replace BY gold.get_home_screen_stats

-- Machines of no status, or of another one, count in the total alone.
CREATE FUNCTION gold.get_home_screen_stats(_company_id text)
RETURNS TABLE (
    total_machines bigint,
    running_machines bigint,
    stopped_machines bigint,
    idle_machines bigint
)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog
AS $function$
    WITH newest AS (
        SELECT DISTINCT ON (s.machine_id)
            s.machine_id,
            lower(s.status) AS status
        FROM silver.machine_status AS s
        WHERE s.company_id = _company_id
        ORDER BY s.machine_id, s."time" DESC, s.created_at DESC NULLS LAST
    )
    SELECT
        count(*),
        count(*) FILTER (WHERE n.status = 'running'),
        count(*) FILTER (WHERE n.status = 'stopped'),
        count(*) FILTER (WHERE n.status = 'idle')
    FROM master.machine_info AS m
    LEFT JOIN newest AS n ON n.machine_id = m.machine_id
    WHERE m.company_id = _company_id;
$function$;
