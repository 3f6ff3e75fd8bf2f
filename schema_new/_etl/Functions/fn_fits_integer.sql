-- New: whether a number of the source fits an integer of silver, rounded half away from zero. The
-- body is bound when it is created, so it needs no search_path, and without one it is inlined.
CREATE FUNCTION _etl.fn_fits_integer(p_value bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE SECURITY INVOKER PARALLEL SAFE
RETURN p_value IS NULL OR p_value BETWEEN -2147483648 AND 2147483647;

-- NaN is greater than any number, so it does not fit either.
CREATE FUNCTION _etl.fn_fits_integer(p_value double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE SECURITY INVOKER PARALLEL SAFE
RETURN p_value IS NULL OR (p_value > -2147483648.5 AND p_value < 2147483647.5);

REVOKE ALL ON FUNCTION _etl.fn_fits_integer(bigint), _etl.fn_fits_integer(double precision)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_fits_integer(bigint), _etl.fn_fits_integer(double precision)
    TO setu_etl;

COMMENT ON FUNCTION _etl.fn_fits_integer(bigint) IS
    'Whether the number is null or an integer of 32 bits';
COMMENT ON FUNCTION _etl.fn_fits_integer(double precision) IS
    'Whether the number is null or, rounded, an integer of 32 bits';
