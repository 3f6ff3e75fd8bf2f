-- New: the shift of an instant with its name and business date; replaces what v1 did at ingest.
-- @section function
CREATE FUNCTION master.fn_get_shift(p_plant_iot_id integer, p_time timestamptz)
RETURNS TABLE (shift_id smallint, shift_name text, logical_date date)
LANGUAGE sql STABLE SECURITY INVOKER PARALLEL SAFE
-- The body is bound when it is created, so it needs no search_path, and without one it is inlined.
BEGIN ATOMIC
    -- The clock on the plant's wall decides, so an hour that daylight saving repeats is in the
    -- same shift both times, and one that it skips is nobody's.
    SELECT
        coalesce(w.shift_id, 0::smallint),
        CASE WHEN w.shift_id IS NULL THEN 'UNKNOWN' ELSE w.shift_name END,
        l.wall::date - coalesce(w.days_back, 0)
    FROM (SELECT 1) AS one
    LEFT JOIN master.plants AS p ON p.iot_id = p_plant_iot_id
    CROSS JOIN LATERAL (
        SELECT p_time AT TIME ZONE coalesce(p.timezone, 'Asia/Kolkata') AS wall
    ) AS l
    LEFT JOIN master.v_shift_windows AS w
        ON w.plant_iot_id = p.iot_id
        AND l.wall::time >= w.starts_at
        AND l.wall::time < w.ends_before;
END;

REVOKE ALL ON FUNCTION master.fn_get_shift(integer, timestamptz) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_get_shift(integer, timestamptz) IS
    'Shift, its name and business date for an instant in a plant; shift 0, UNKNOWN, where none covers';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_get_shift(integer, timestamptz) TO setu_etl, setu_reader;
