-- New: adds missing dates of the given years; existing ones stay as they are.
-- @section function
CREATE FUNCTION master.fn_fill_calendar(p_from_year integer, p_to_year integer) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    WITH days AS (
        SELECT make_date(p_from_year, 1, 1) + n.days AS full_date
        FROM generate_series(
            0, make_date(p_to_year, 12, 31) - make_date(p_from_year, 1, 1)
        ) AS n (days)
    ),
    written AS (
        INSERT INTO master.calendar (
            date_key, full_date, year, month, iso_year, iso_week,
            week_start_date, week_end_date, day_of_week, is_weekend
        )
        SELECT
            p.year * 10000 + p.month * 100 + extract(DAY FROM d.full_date)::integer,
            d.full_date,
            p.year,
            p.month,
            extract(ISOYEAR FROM d.full_date)::smallint,
            extract(WEEK FROM d.full_date)::smallint,
            d.full_date - p.day_of_week + 1,
            d.full_date - p.day_of_week + 7,
            p.day_of_week,
            p.day_of_week >= 6
        FROM days AS d
        CROSS JOIN LATERAL (
            SELECT
                extract(YEAR FROM d.full_date)::smallint AS year,
                extract(MONTH FROM d.full_date)::smallint AS month,
                extract(ISODOW FROM d.full_date)::smallint AS day_of_week
        ) AS p
        ON CONFLICT (date_key) DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM written
$function$;

REVOKE ALL ON FUNCTION master.fn_fill_calendar(integer, integer) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_fill_calendar(integer, integer) IS
    'Fills the calendar from the first to the last year, both whole; returns how many it added';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_fill_calendar(integer, integer) TO setu_etl;
