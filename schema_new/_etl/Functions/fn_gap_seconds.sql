-- New: the time from the end of one cycle to the start of the next, by one rule wherever a cycle is
-- stitched. Whole seconds, half up; overlapping cycles leave no time between them.
-- The body is bound when it is created, so it needs no search_path, and without one it is inlined.
CREATE FUNCTION _etl.fn_gap_seconds(p_previous_end timestamptz, p_start timestamptz) RETURNS integer
LANGUAGE sql IMMUTABLE SECURITY INVOKER PARALLEL SAFE
RETURN CASE
    -- First, since nothing can be subtracted from or by an infinite end, which v1 may have left.
    WHEN p_previous_end >= p_start THEN 0
    WHEN p_previous_end = '-infinity'::timestamptz THEN 2147483647
    WHEN p_previous_end IS NOT NULL
        -- Microseconds are exact in a double up to 285 years.
        THEN least(floor(date_part('epoch', p_start - p_previous_end) + 0.5), 2147483647)::integer
END;

REVOKE ALL ON FUNCTION _etl.fn_gap_seconds(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_gap_seconds(timestamptz, timestamptz) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_gap_seconds(timestamptz, timestamptz) IS
    'Whole seconds from the end of a cycle to the next start, never negative; null after an open '
    'one';
