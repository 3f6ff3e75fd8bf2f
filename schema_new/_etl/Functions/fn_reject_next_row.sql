-- New: a row that fails in a way that no check foresaw must not hold up those behind it.
CREATE FUNCTION _etl.fn_reject_next_row(
    p_pipeline text,
    p_after_id bigint,
    p_fence_id bigint,
    p_reason_code text,
    p_detail text
)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_source text;
    v_id bigint;
BEGIN
    SELECT w.source_table INTO STRICT v_source FROM _etl.watermarks AS w WHERE w.pipeline = p_pipeline;
    EXECUTE format($query$
        WITH next AS (
            SELECT r.* FROM %s AS r WHERE r.id > $1 AND r.id <= $2 ORDER BY r.id LIMIT 1
        ),
        kept AS (
            INSERT INTO _etl.rejected_rows (
                pipeline, bronze_id, bronze_time, reason_code, detail, row_data
            )
            SELECT $3, n.id, n.time, $4, $5, to_jsonb(n) FROM next AS n
            ON CONFLICT (pipeline, bronze_id) DO NOTHING
        )
        SELECT n.id FROM next AS n
    $query$, v_source::regclass)
    INTO v_id USING p_after_id, p_fence_id, p_pipeline, p_reason_code, p_detail;
    RETURN v_id;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_reject_next_row(text, bigint, bigint, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_reject_next_row(text, bigint, bigint, text, text) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_reject_next_row(text, bigint, bigint, text, text) IS
    'Sets the next bronze row of a pipeline aside with a reason; returns its id';
