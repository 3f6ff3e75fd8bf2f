GRANT SELECT ON master.v_shift_windows TO setu_etl, setu_reader;
GRANT EXECUTE ON FUNCTION master.fn_get_shift(integer, timestamptz) TO setu_etl, setu_reader;
GRANT EXECUTE ON FUNCTION master.fn_get_shift_id(integer, timestamptz) TO setu_etl, setu_reader;
