-- New: a number of the source as a numeric(12, 3) of silver; null where it does not fit.
CREATE FUNCTION _etl.fn_to_decimal(p_value double precision) RETURNS numeric
LANGUAGE sql IMMUTABLE SECURITY INVOKER PARALLEL SAFE
-- The cast reads a double as the decimal of 15 digits that it stands for: 1.0005 becomes 1.001.
RETURN CASE WHEN _etl.fn_fits_decimal(p_value) THEN round(p_value::numeric, 3) END;

REVOKE ALL ON FUNCTION _etl.fn_to_decimal(double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_to_decimal(double precision) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_to_decimal(double precision) IS
    'The number rounded to three places, half away from zero; null where it does not fit '
    'numeric(12, 3)';
