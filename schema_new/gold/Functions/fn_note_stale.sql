-- New: notes which days of a machine must be computed again.
CREATE FUNCTION gold.fn_note_stale(p_machine_iot_id integer, p_from timestamptz, p_to timestamptz)
RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
    SELECT p_machine_iot_id, b.first_date + n.days
    FROM (SELECT
        (p_from AT TIME ZONE 'UTC')::date - 2 AS first_date,
        (least(p_to, now()) AT TIME ZONE 'UTC')::date + 1 AS last_date
    ) AS b
    -- A stop of years counts for the days that reports still show.
    CROSS JOIN LATERAL generate_series(
        greatest(0, b.last_date - b.first_date - 800), b.last_date - b.first_date
    ) AS n (days)
    WHERE isfinite(p_from)
    ON CONFLICT DO NOTHING
$function$;

REVOKE ALL ON FUNCTION gold.fn_note_stale(integer, timestamptz, timestamptz) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_note_stale(integer, timestamptz, timestamptz) IS
    'Notes that the business dates of a machine between two instants are to be computed again';
