-- New: shift_definitions, breaks and days off as instants, for dates that the calendar does not
-- have.
-- @section function
CREATE FUNCTION master.fn_defined_shifts(p_plant_iot_id integer, p_from date, p_to date)
RETURNS TABLE (
    logical_date date,
    shift_id smallint,
    shift_name text,
    starts_at timestamptz,
    ends_at timestamptz,
    is_working boolean,
    planned_breaks tstzmultirange
)
LANGUAGE sql STABLE SECURITY INVOKER PARALLEL UNSAFE
-- The body is bound when it is created, so it needs no search_path, and without one it is inlined.
BEGIN ATOMIC
    SELECT
        d.day,
        s.shift_id,
        s.shift_name,
        t.starts_at,
        t.ends_at,
        NOT EXISTS (
            SELECT 1 FROM master.plant_days_off AS o
            WHERE o.plant_iot_id = p.iot_id AND o.logical_date = d.day
        ),
        coalesce(
            (
                SELECT range_agg(
                    tstzrange(
                        master.fn_wall_instant(d.day + b.from_day + b.start_time, p.timezone),
                        master.fn_wall_instant(d.day + b.to_day + b.end_time, p.timezone)
                    ) * tstzrange(t.starts_at, t.ends_at)
                )
                FROM master.shift_breaks AS b
                WHERE b.plant_iot_id = s.plant_iot_id AND b.shift_id = s.shift_id
            ),
            '{}'::tstzmultirange
        )
    FROM master.plants AS p
    INNER JOIN master.shift_definitions AS s ON s.plant_iot_id = p.iot_id AND s.is_running
    CROSS JOIN LATERAL (
        SELECT p_from + n.days AS day FROM generate_series(0, p_to - p_from) AS n (days)
    ) AS d
    CROSS JOIN LATERAL (
        SELECT
            master.fn_wall_instant(d.day + s.from_day + s.start_time, p.timezone) AS starts_at,
            master.fn_wall_instant(d.day + s.to_day + s.end_time, p.timezone) AS ends_at
    ) AS t
    -- A shift that daylight saving skips whole does not take place.
    WHERE p.iot_id = p_plant_iot_id AND master.fn_knows_zone(p.timezone)
        AND t.starts_at < t.ends_at;
END;

REVOKE ALL ON FUNCTION master.fn_defined_shifts(integer, date, date) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_defined_shifts(integer, date, date) IS
    'The shifts that a plant''s definitions of now mean for the business dates from the first to '
    'the last';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_defined_shifts(integer, date, date) TO setu_etl, setu_reader;
