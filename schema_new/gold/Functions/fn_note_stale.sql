-- New: notes which days of machines must be computed again.
CREATE FUNCTION gold.fn_note_stale(
    p_machines integer[], p_from timestamptz[], p_to timestamptz[]
)
RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
    SELECT DISTINCT s.machine_iot_id, b.first_date + n.days
    FROM unnest(p_machines, p_from, p_to) AS s (machine_iot_id, from_time, to_time)
    CROSS JOIN LATERAL (
        SELECT
            (greatest(s.from_time, '1900-01-01 00:00:00+00') AT TIME ZONE 'UTC')::date - 2
                AS first_date,
            (
                greatest(least(s.to_time, now()), '1900-01-01 00:00:00+00') AT TIME ZONE 'UTC'
            )::date + 1 AS last_date
    ) AS b
    -- A stop of years counts for the days that reports still show.
    CROSS JOIN LATERAL generate_series(
        greatest(0, b.last_date - b.first_date - 800), b.last_date - b.first_date
    ) AS n (days)
$function$;

REVOKE ALL ON FUNCTION gold.fn_note_stale(integer[], timestamptz[], timestamptz[]) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_note_stale(integer[], timestamptz[], timestamptz[]) IS
    'Notes that the business dates of machines between two instants each are to be computed again';
