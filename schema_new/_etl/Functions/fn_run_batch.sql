-- New: runs one batch and returns an error in it as a value. A procedure that commits cannot catch
-- errors itself.
CREATE FUNCTION _etl.fn_run_batch(
    p_pipeline text,
    p_after_id bigint,
    p_fence_id bigint,
    p_since timestamptz,
    p_limit integer,
    OUT to_id bigint,
    OUT to_ts timestamptz,
    OUT rows_read bigint,
    OUT rows_loaded bigint,
    OUT rows_merged bigint,
    OUT rows_rejected bigint,
    OUT rows_late bigint,
    OUT rows_sender_mismatch bigint,
    OUT rows_unknown_code bigint,
    OUT error_code text,
    OUT error text
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- A rejected row is kept as text of JSON, in which no digit of a number may be lost.
SET extra_float_digits = 1
SET timezone = 'UTC'
SET datestyle = 'ISO, MDY'
AS $function$
DECLARE
    v_detail text;
    v_context text;
BEGIN
    -- For every caller: a row that is not seen would count as loaded.
    PERFORM set_config(s.name, 'on', true)
    FROM (VALUES
        ('timescaledb.enable_transparent_decompression'), ('timescaledb.enable_columnarscan'),
        ('timescaledb.enable_tiered_reads')
    ) AS s (name)
    WHERE current_setting(s.name, true) IS NOT NULL;
    -- Cycles have a load of their own, since they depend on their neighbours.
    IF p_pipeline = 'machine_cycles' THEN
        SELECT
            l.to_id, l.to_ts, l.rows_read, l.rows_loaded, l.rows_merged, l.rows_rejected,
            l.rows_late, l.rows_sender_mismatch
        INTO STRICT to_id, to_ts, rows_read, rows_loaded, rows_merged, rows_rejected, rows_late,
            rows_sender_mismatch
        FROM _etl.fn_load_machine_cycles(p_after_id, p_fence_id, p_since, p_limit) AS l;
    ELSE
        SELECT
            l.to_id, l.to_ts, l.rows_read, l.rows_loaded, l.rows_merged, l.rows_rejected,
            l.rows_late, l.rows_sender_mismatch, l.rows_unknown_code
        INTO STRICT to_id, to_ts, rows_read, rows_loaded, rows_merged, rows_rejected, rows_late,
            rows_sender_mismatch, rows_unknown_code
        FROM _etl.fn_load_rows(p_pipeline, p_after_id, p_fence_id, p_since, p_limit) AS l;
    END IF;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS error_code = RETURNED_SQLSTATE, error = MESSAGE_TEXT,
        v_detail = PG_EXCEPTION_DETAIL, v_context = PG_EXCEPTION_CONTEXT;
    error := concat_ws(
        E'\n', error, nullif(v_detail, ''), nullif(split_part(v_context, E'\n', 1), '')
    );
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_run_batch(text, bigint, bigint, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_run_batch(text, bigint, bigint, timestamptz, integer) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_run_batch(text, bigint, bigint, timestamptz, integer) IS
    'One batch of a pipeline; an error comes back as error_code and error, with nothing written';
