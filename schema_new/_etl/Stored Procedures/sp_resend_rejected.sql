-- New: once the cause is mended (a machine registered, say), rejected rows go through again. They
-- become new bronze rows, so that the load is the same for them as for any other row.
CREATE PROCEDURE _etl.sp_resend_rejected(
    p_pipeline text,
    p_reason_code text DEFAULT NULL,
    INOUT rows_resent bigint DEFAULT 0
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $procedure$
DECLARE
    v_source regclass;
    v_columns text;
BEGIN
    SELECT w.source_table::regclass INTO v_source
    FROM _etl.watermarks AS w WHERE w.pipeline = p_pipeline;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'cannot resend rows of pipeline % because _etl.watermarks does not know it', p_pipeline
            USING ERRCODE = 'no_data_found',
                HINT = 'SELECT pipeline FROM _etl.watermarks lists the pipelines there are.';
    END IF;

    SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) INTO v_columns
    FROM pg_attribute AS a
    WHERE a.attrelid = v_source AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attname NOT IN ('id', 'time');

    EXECUTE format($query$
        WITH resent AS (
            UPDATE _etl.rejected_rows AS r
            SET resent_at = clock_timestamp()
            WHERE r.pipeline = $1 AND r.resent_at IS NULL AND r.bronze_id IS NOT NULL
                AND ($2 IS NULL OR r.reason_code = $2)
                -- Of these only the beginning was kept.
                AND r.reason_code <> 'row_too_large'
            RETURNING r.reject_id, r.row_data
        ),
        sent AS (
            INSERT INTO %1$s (%2$s)
            SELECT %3$s
            FROM (SELECT s.row_data FROM resent AS s ORDER BY s.reject_id) AS s
            CROSS JOIN LATERAL jsonb_populate_record(NULL::%1$s, s.row_data) AS p
            RETURNING 1
        )
        SELECT count(*) FROM sent
    $query$, v_source, v_columns, regexp_replace(v_columns, '(^|, )', '\1p.', 'g'))
    INTO rows_resent USING p_pipeline, p_reason_code;
END
$procedure$;

REVOKE ALL ON PROCEDURE _etl.sp_resend_rejected(text, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE _etl.sp_resend_rejected(text, text, bigint) TO setu_etl;

COMMENT ON PROCEDURE _etl.sp_resend_rejected(text, text, bigint) IS
    'Sends rejected rows of a pipeline, of one reason or all, through bronze again; says how many';
