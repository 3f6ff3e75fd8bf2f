-- New: how long a cycle ran. Whole seconds, half up; the length must fit an integer.
-- The body is bound when it is created, so it needs no search_path, and without one it is inlined.
CREATE FUNCTION _etl.fn_run_seconds(p_start timestamptz, p_end timestamptz) RETURNS integer
LANGUAGE sql IMMUTABLE SECURITY INVOKER PARALLEL SAFE
RETURN floor(date_part('epoch', p_end - p_start) + 0.5)::integer;

REVOKE ALL ON FUNCTION _etl.fn_run_seconds(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_run_seconds(timestamptz, timestamptz) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_run_seconds(timestamptz, timestamptz) IS
    'Whole seconds from the start of a cycle to its end; null for an open one';
