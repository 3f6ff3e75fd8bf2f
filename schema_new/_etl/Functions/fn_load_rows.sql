-- New: one batch of a pipeline whose rows stand on their own, in one statement.
CREATE FUNCTION _etl.fn_load_rows(
    p_pipeline text,
    p_after_id bigint,
    p_fence_id bigint,
    p_since timestamptz,
    p_limit integer
)
RETURNS TABLE (
    to_id bigint,
    to_ts timestamptz,
    rows_read bigint,
    rows_loaded bigint,
    rows_merged bigint,
    rows_rejected bigint,
    rows_late bigint,
    rows_sender_mismatch bigint,
    rows_unknown_code bigint
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET jit = off
-- The day of an instant is that of UTC, and a day has 24 hours.
SET timezone = 'UTC'
-- A late row decompresses its batch of the column store, a thousand rows; a fleet that comes back
-- online late must not hit the limit. The size of a batch bounds how much one transaction
-- decompresses.
SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0
AS $function$
BEGIN
    RETURN QUERY EXECUTE _etl.fn_load_statement(p_pipeline)
        USING p_after_id, p_fence_id, p_since, p_limit;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_load_rows(text, bigint, bigint, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_load_rows(text, bigint, bigint, timestamptz, integer) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_load_rows(text, bigint, bigint, timestamptz, integer) IS
    'Loads the next rows of a pipeline through its view, by id; returns what became of them';
