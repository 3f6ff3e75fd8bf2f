-- New: fills the cache from silver, by one index probe a machine and not by a scan of history. It
-- and a load of cycles wait for each other, as for a correction by hand: both lock the watermark.
CREATE FUNCTION silver.fn_rebuild_cycle_state() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT 1 FROM _etl.watermarks AS w WHERE w.pipeline = 'machine_cycles' FOR UPDATE;

    WITH last AS (
        SELECT m.iot_id, c.cycle_start, c.cycle_end
        FROM master.machine_info AS m
        CROSS JOIN LATERAL (
            SELECT s.cycle_start, s.cycle_end
            FROM silver.machine_cycles AS s
            WHERE s.machine_iot_id = m.iot_id
            ORDER BY s.cycle_start DESC
            LIMIT 1
        ) AS c
    ),
    written AS (
        INSERT INTO silver.latest_cycle_state AS t (
            machine_iot_id, last_cycle_start, last_cycle_end
        )
        SELECT l.iot_id, l.cycle_start, l.cycle_end FROM last AS l
        ON CONFLICT (machine_iot_id) DO UPDATE
        SET last_cycle_start = excluded.last_cycle_start,
            last_cycle_end = excluded.last_cycle_end,
            updated_at = excluded.updated_at
        WHERE (t.last_cycle_start, t.last_cycle_end)
            IS DISTINCT FROM (excluded.last_cycle_start, excluded.last_cycle_end)
        RETURNING 1
    )
    SELECT count(*) FROM written
$function$;

REVOKE ALL ON FUNCTION silver.fn_rebuild_cycle_state() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION silver.fn_rebuild_cycle_state() TO setu_etl;

COMMENT ON FUNCTION silver.fn_rebuild_cycle_state() IS
    'Sets the state of every machine to its last cycle in silver; returns how many it corrected';
