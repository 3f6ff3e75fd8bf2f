-- New: a cycle or a stop ends the stop before it that has no end of its own, so one that comes late
-- or goes changes how long that stop lasted.
CREATE FUNCTION gold.fn_note_signs(
    p_machines integer[], p_first timestamptz[], p_last timestamptz[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_stops record;
BEGIN
    SELECT
        array_agg(c.machine_iot_id) AS machines,
        array_agg(c.down_start) AS starts,
        array_agg(c.from_time) FILTER (WHERE c.is_late) AS late_from,
        array_agg(c.machine_iot_id) FILTER (WHERE c.is_late) AS late_machines,
        array_agg(
            greatest(c.down_end, coalesce(gold.fn_next_sign(c.machine_iot_id, c.last_at), now()))
        ) FILTER (WHERE c.is_late) AS late_to
    INTO v_stops
    FROM (
        SELECT
            l.machine_iot_id,
            l.down_start,
            l.down_end,
            s.last_at,
            greatest(s.first_at, l.down_start) AS from_time,
            s.first_at < now() - INTERVAL '6 hours' AS is_late
        FROM unnest(p_machines, p_first, p_last) AS s (machine_iot_id, first_at, last_at)
        INNER JOIN gold.long_stops AS l
            ON l.machine_iot_id = s.machine_iot_id
            AND l.is_open
            AND l.down_start < s.last_at
            AND coalesce(
                l.down_end,
                (
                    SELECT min(n.down_start) FROM gold.long_stops AS n
                    WHERE n.machine_iot_id = l.machine_iot_id AND n.down_start > l.down_start
                ),
                'infinity'
            ) >= s.first_at
    ) AS c;
    IF v_stops.machines IS NULL THEN
        RETURN;
    END IF;
    PERFORM gold.fn_note_stale(v_stops.late_machines, v_stops.late_from, v_stops.late_to);
    -- In the order in which gold.fn_note_stops takes its locks.
    UPDATE gold.long_stops AS l
    SET down_end = NULL
    FROM (
        SELECT o.machine_iot_id, o.down_start
        FROM gold.long_stops AS o
        WHERE o.down_end IS NOT NULL
            AND (o.machine_iot_id, o.down_start) IN (
                SELECT u.machine_iot_id, u.down_start
                FROM unnest(v_stops.machines, v_stops.starts) AS u (machine_iot_id, down_start)
            )
        ORDER BY o.machine_iot_id, o.down_start
        FOR UPDATE
    ) AS n
    WHERE l.machine_iot_id = n.machine_iot_id AND l.down_start = n.down_start;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_note_signs(integer[], timestamptz[], timestamptz[]) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_note_signs(integer[], timestamptz[], timestamptz[]) IS
    'Notes what becomes of stops without an end where cycles or stops of their machines '
    'came or went between two instants';
