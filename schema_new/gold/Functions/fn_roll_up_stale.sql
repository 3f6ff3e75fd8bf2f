-- New: processes late rows. It deletes only notes that this statement sees: a transaction that has
-- not ended has a note of its own.
-- @section function
CREATE FUNCTION gold.fn_roll_up_stale(p_limit integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_day record;
    v_days bigint := 0;
BEGIN
    FOR v_day IN
        WITH redo AS MATERIALIZED (
            SELECT r.machine_iot_id, r.logical_date FROM gold.fn_days_to_redo() AS r
        ),
        taken AS (
            DELETE FROM gold.stale_machine_days AS s
            USING (
                SELECT DISTINCT n.machine_iot_id, n.logical_date
                FROM gold.stale_machine_days AS n
                ORDER BY n.machine_iot_id, n.logical_date
                LIMIT p_limit
            ) AS d
            WHERE s.machine_iot_id = d.machine_iot_id AND s.logical_date = d.logical_date
            RETURNING s.machine_iot_id, s.logical_date
        )
        SELECT
            t.machine_iot_id,
            min(t.logical_date) AS first_date,
            max(t.logical_date) AS last_date,
            t.is_redone
        FROM (
            SELECT
                d.machine_iot_id,
                d.logical_date,
                d.is_redone,
                d.logical_date - row_number() OVER (
                    PARTITION BY d.machine_iot_id, d.is_redone ORDER BY d.logical_date
                )::integer AS run
            FROM (
                SELECT DISTINCT k.machine_iot_id, k.logical_date,
                    r.machine_iot_id IS NOT NULL AS is_redone
                FROM taken AS k
                LEFT JOIN redo AS r USING (machine_iot_id, logical_date)
                WHERE isfinite(k.logical_date)
            ) AS d
        ) AS t
        GROUP BY t.machine_iot_id, t.is_redone, t.run
    LOOP
        v_days := v_days + (v_day.last_date - v_day.first_date + 1);
        IF v_day.is_redone THEN
            PERFORM gold.fn_roll_up_anew(v_day.machine_iot_id, v_day.first_date, v_day.last_date);
        END IF;
    END LOOP;
    RETURN v_days;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_roll_up_stale(integer) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_roll_up_stale(integer) IS
    'Rolls up so many machine days anew that changed late; returns how many it took';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_roll_up_stale(integer) TO setu_etl;
