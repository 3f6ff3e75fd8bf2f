-- New: one row of a clock that said 1970 must not make reports and the roll-up go through half a
-- century, day by day. A gap of a year may be a plant at rest; a longer one is a clock.
-- @section function
CREATE FUNCTION gold.fn_dates_in_silver() RETURNS SETOF date
LANGUAGE sql STABLE SECURITY INVOKER
ROWS 400
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT DISTINCT s.first_date - 3 + n.days
    FROM (
        SELECT
            c.first_date,
            CASE
                WHEN lead(c.first_date, 1, c.today) OVER w - c.last_date BETWEEN 0 AND 400
                    THEN lead(c.first_date, 1, c.today) OVER w
                ELSE c.last_date + 1
            END AS last_date
        FROM (
            SELECT
                (greatest(k.range_start, '1900-01-01 00:00:00+00') AT TIME ZONE 'UTC')::date
                    AS first_date,
                (least(k.range_end, now()) AT TIME ZONE 'UTC')::date AS last_date,
                (now() AT TIME ZONE 'UTC')::date AS today
            FROM timescaledb_information.chunks AS k
            WHERE format('%I.%I', k.hypertable_schema, k.hypertable_name) IN (
                    'silver.machine_cycles', 'silver.machine_downtime', 'silver.machine_focas'
                )
                AND k.range_end > '1900-01-01 00:00:00+00'
                AND k.range_start < now()
        ) AS c
        WINDOW w AS (ORDER BY c.first_date, c.last_date)
    ) AS s
    CROSS JOIN LATERAL generate_series(0, s.last_date - s.first_date + 3) AS n (days)
$function$;

REVOKE ALL ON FUNCTION gold.fn_dates_in_silver() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_dates_in_silver() IS
    'The business dates since 1900 for which silver may have rows, or a stop may last: those of '
    'its chunks, and gaps of up to 400 days';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_dates_in_silver() TO setu_etl, setu_reader;
