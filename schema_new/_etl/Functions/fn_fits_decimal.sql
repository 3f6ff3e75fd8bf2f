-- New: whether a number of the source fits a numeric(12, 3) of silver, rounded.
CREATE FUNCTION _etl.fn_fits_decimal(p_value double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE SECURITY INVOKER PARALLEL SAFE
-- The first condition decides all but the edge; NaN and the infinities are greater than any number.
RETURN p_value IS NULL OR abs(p_value) < 999999999 OR abs(round(p_value::numeric, 3)) < 1000000000;

REVOKE ALL ON FUNCTION _etl.fn_fits_decimal(double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_fits_decimal(double precision) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_fits_decimal(double precision) IS
    'Whether the number is null or, rounded to three places, has at most nine digits before the '
    'point';
