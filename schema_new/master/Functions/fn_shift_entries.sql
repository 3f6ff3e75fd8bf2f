-- New: the shifts of a plant's dates: the calendar, and where that is not written, the definitions.
-- @section function
CREATE FUNCTION master.fn_shift_entries(p_plant_iot_id integer, p_from date, p_to date)
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
        c.logical_date,
        c.shift_id,
        c.shift_name,
        c.starts_at,
        c.ends_at,
        c.is_working,
        c.planned_breaks
    FROM master.shift_calendar AS c
    WHERE c.plant_iot_id = p_plant_iot_id AND c.logical_date BETWEEN p_from AND p_to
    UNION ALL
    SELECT
        d.logical_date,
        d.shift_id,
        d.shift_name,
        d.starts_at,
        d.ends_at,
        d.is_working,
        d.planned_breaks
    FROM (SELECT 1) AS one
    LEFT JOIN master.shift_calendar_extents AS x ON x.plant_iot_id = p_plant_iot_id
    CROSS JOIN LATERAL (VALUES
        (p_from, least(p_to, x.first_date - 1)),
        (greatest(p_from, x.last_date + 1), CASE WHEN x.plant_iot_id IS NOT NULL THEN p_to END)
    ) AS outside (first_date, last_date)
    CROSS JOIN LATERAL master.fn_defined_shifts(
        p_plant_iot_id, outside.first_date, outside.last_date
    ) AS d
    WHERE outside.first_date <= outside.last_date
        -- An instant has one shift, and the calendar's stands, as in master.fn_settle_shifts.
        AND NOT EXISTS (
            SELECT 1 FROM master.shift_calendar AS c
            WHERE c.plant_iot_id = p_plant_iot_id
                AND c.logical_date BETWEEN d.logical_date - 3 AND d.logical_date + 3
                AND c.starts_at < d.ends_at AND c.ends_at > d.starts_at
            OFFSET 0  -- an index scan for each of few shifts, and not a join with the calendar
        );
END;

REVOKE ALL ON FUNCTION master.fn_shift_entries(integer, date, date) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_shift_entries(integer, date, date) IS
    'The shifts of a plant for the business dates from the first to the last, as instants';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_shift_entries(integer, date, date) TO setu_etl, setu_reader;
