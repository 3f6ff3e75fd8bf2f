-- New: a number of the source as an integer of silver; null where it does not fit.
CREATE FUNCTION _etl.fn_to_integer(p_value bigint) RETURNS integer
LANGUAGE sql IMMUTABLE SECURITY INVOKER PARALLEL SAFE
RETURN CASE WHEN _etl.fn_fits_integer(p_value) THEN p_value::integer END;

-- Half away from zero, exactly. PostgreSQL's own cast rounds half to even, and a cast through
-- numeric reads only 15 digits and takes ten times as long.
CREATE FUNCTION _etl.fn_to_integer(p_value double precision) RETURNS integer
LANGUAGE sql IMMUTABLE SECURITY INVOKER PARALLEL SAFE
RETURN CASE
    WHEN _etl.fn_fits_integer(p_value)
        THEN (
            trunc(p_value)
            + CASE WHEN abs(p_value - trunc(p_value)) >= 0.5 THEN sign(p_value) ELSE 0 END
        )::integer
END;

REVOKE ALL ON FUNCTION _etl.fn_to_integer(bigint), _etl.fn_to_integer(double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_to_integer(bigint), _etl.fn_to_integer(double precision)
    TO setu_etl;

COMMENT ON FUNCTION _etl.fn_to_integer(bigint) IS
    'The number as an integer; null where it does not fit';
COMMENT ON FUNCTION _etl.fn_to_integer(double precision) IS
    'The number as an integer, rounded half away from zero; null where it does not fit';
