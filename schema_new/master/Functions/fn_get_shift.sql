-- New: the shift of an instant with its name and business date; replaces v1's look-up at ingest.
-- @section function
CREATE FUNCTION master.fn_get_shift(p_plant_iot_id integer, p_time timestamptz)
RETURNS TABLE (shift_id smallint, shift_name text, logical_date date)
LANGUAGE sql STABLE SECURITY INVOKER PARALLEL UNSAFE
-- The body is bound when it is created, so it needs no search_path, and without one it is inlined.
BEGIN ATOMIC
    SELECT
        coalesce(s.shift_id, 0::smallint),
        CASE WHEN s.shift_id IS NULL THEN 'UNKNOWN' ELSE s.shift_name END,
        coalesce(
            s.logical_date, (p_time AT TIME ZONE coalesce(p.timezone, 'Asia/Kolkata'))::date
        )
    FROM (SELECT
        -- Years in which a date has neighbours.
        CASE
            WHEN p_time BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 00:00:00+00'
                THEN (p_time AT TIME ZONE 'UTC')::date
        END AS utc_date
    ) AS u
    LEFT JOIN master.plants AS p ON p.iot_id = p_plant_iot_id
    LEFT JOIN LATERAL (
        SELECT e.shift_id, e.shift_name, e.logical_date
        FROM master.fn_shift_entries(p_plant_iot_id, u.utc_date - 2, u.utc_date + 1) AS e
        WHERE e.starts_at <= p_time AND p_time < e.ends_at
    ) AS s ON true;
END;

REVOKE ALL ON FUNCTION master.fn_get_shift(integer, timestamptz) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_get_shift(integer, timestamptz) IS
    'Shift, its name and business date for an instant in a plant; shift 0, UNKNOWN, where none '
    'covers';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_get_shift(integer, timestamptz) TO setu_etl, setu_reader;
