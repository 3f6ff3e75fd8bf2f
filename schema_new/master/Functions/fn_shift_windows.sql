-- New: the loads join this: all shifts that touch some days of UTC.
-- @section function
CREATE FUNCTION master.fn_shift_windows(p_utc_dates date[])
RETURNS TABLE (
    plant_iot_id integer,
    utc_date date,
    shift_id smallint,
    shift_name text,
    logical_date date,
    starts_at timestamptz,
    ends_before timestamptz
)
LANGUAGE sql STABLE SECURITY INVOKER PARALLEL UNSAFE
-- The body is bound when it is created, so it needs no search_path, and without one it is inlined.
BEGIN ATOMIC
    SELECT
        c.plant_iot_id,
        u.utc_date,
        c.shift_id,
        c.shift_name,
        c.logical_date,
        c.starts_at,
        c.ends_at
    FROM unnest(p_utc_dates) AS u (utc_date)
    INNER JOIN master.shift_calendar AS c
        ON c.starts_at < (u.utc_date + 1)::timestamp AT TIME ZONE 'UTC'
        -- No shift lasts longer than a day; two hours more where the clock is set back.
        AND c.starts_at > (u.utc_date::timestamp - INTERVAL '26 hours') AT TIME ZONE 'UTC'
        AND c.ends_at > u.utc_date::timestamp AT TIME ZONE 'UTC'
    UNION ALL
    SELECT
        p.iot_id,
        u.utc_date,
        d.shift_id,
        d.shift_name,
        d.logical_date,
        d.starts_at,
        d.ends_at
    FROM unnest(p_utc_dates) AS u (utc_date)
    CROSS JOIN master.plants AS p
    LEFT JOIN master.shift_calendar_extents AS x ON x.plant_iot_id = p.iot_id
    CROSS JOIN (VALUES (-2), (-1), (0), (1)) AS n (days)
    CROSS JOIN LATERAL master.fn_defined_shifts(
        p.iot_id, u.utc_date + n.days, u.utc_date + n.days
    ) AS d
    WHERE (u.utc_date + n.days BETWEEN x.first_date AND x.last_date) IS NOT TRUE
        AND d.starts_at < (u.utc_date + 1)::timestamp AT TIME ZONE 'UTC'
        AND d.ends_at > u.utc_date::timestamp AT TIME ZONE 'UTC'
        -- An instant has one shift, and the calendar's stands, as in master.fn_shift_entries.
        AND NOT EXISTS (
            SELECT 1 FROM master.shift_calendar AS c
            WHERE c.plant_iot_id = p.iot_id
                AND c.logical_date BETWEEN d.logical_date - 3 AND d.logical_date + 3
                AND c.starts_at < d.ends_at AND c.ends_at > d.starts_at
            OFFSET 0
        );
END;

REVOKE ALL ON FUNCTION master.fn_shift_windows(date[]) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_shift_windows(date[]) IS
    'Shifts of all plants that touch the given days of UTC, once for each day; half-open';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_shift_windows(date[]) TO setu_etl, setu_reader;
