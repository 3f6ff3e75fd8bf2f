-- New: once the cause is corrected (a machine registered, say), rejected rows go through again.
-- They become new bronze rows, so that the load treats them like any other row; resent_id names the
-- new row, which gives the load its place in the order of arrival. As its owner: setu_admin may
-- send rows again, and reach neither bronze nor the rejects otherwise.
CREATE PROCEDURE _etl.sp_resend_rejected(
    p_pipeline text,
    p_reason_code text DEFAULT NULL,
    INOUT rows_resent bigint DEFAULT 0,
    p_reject_ids bigint[] DEFAULT NULL
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $procedure$
DECLARE
    -- What the loads reject for, as setu.ops.rejects has them.
    c_reasons CONSTANT text[] := ARRAY[
        'unknown_machine', 'sender_mismatch', 'missing_start', 'missing_time', 'missing_key',
        'start_out_of_range', 'time_out_of_range', 'start_in_future', 'time_in_future',
        'end_before_start', 'end_out_of_range', 'value_out_of_range', 'unknown_timezone',
        'key_too_long', 'corrected', 'load_error', 'row_too_large'
    ];
    v_source regclass;
    v_columns text;
BEGIN
    SELECT w.source_table::regclass INTO v_source
    FROM _etl.watermarks AS w WHERE w.pipeline = p_pipeline;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'cannot resend rows of pipeline % because _etl.watermarks does not know it',
            p_pipeline
            USING ERRCODE = 'no_data_found',
                HINT = 'Take a name from SELECT pipeline FROM _etl.watermarks';
    END IF;
    IF p_reason_code <> ALL (c_reasons) THEN
        RAISE EXCEPTION 'cannot resend rows of reason % because no load rejects for it',
            p_reason_code
            USING ERRCODE = 'invalid_parameter_value',
                DETAIL = format('The reasons are %s.', array_to_string(c_reasons, ', ')),
                HINT = 'See _etl.v_rejects_by_reason for those that wait';
    END IF;

    SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) INTO v_columns
    FROM pg_attribute AS a
    WHERE a.attrelid = v_source AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attname NOT IN ('id', 'time');

    EXECUTE format($query$
        WITH waiting AS MATERIALIZED (
            SELECT r.reject_id, r.row_data, r.first_id
            FROM _etl.rejected_rows AS r
            WHERE r.pipeline = $1 AND r.resent_at IS NULL AND r.bronze_id IS NOT NULL
                AND ($2 IS NULL OR r.reason_code = $2)
                AND ($3 IS NULL OR r.reject_id = ANY ($3))
                -- Only the beginning of these was kept.
                AND r.reason_code <> 'row_too_large'
            -- In the order in which sp_discard_rejected locks them.
            ORDER BY r.reject_id
            FOR UPDATE
        ),
        sent AS (
            INSERT INTO %1$s (%2$s)
            SELECT %3$s
            FROM (SELECT w.row_data FROM waiting AS w ORDER BY w.first_id, w.reject_id) AS w
            CROSS JOIN LATERAL jsonb_populate_record(NULL::%1$s, w.row_data) AS p
            RETURNING id
        ),
        -- Ids are drawn in the order in which the rows go in.
        numbered AS (
            SELECT w.reject_id, row_number() OVER (ORDER BY w.first_id, w.reject_id) AS place
            FROM waiting AS w
        ),
        drawn AS (
            SELECT s.id, row_number() OVER (ORDER BY s.id) AS place FROM sent AS s
        ),
        resent AS (
            UPDATE _etl.rejected_rows AS r
            SET resent_at = clock_timestamp(), resent_id = d.id
            FROM numbered AS n
            INNER JOIN drawn AS d USING (place)
            WHERE r.reject_id = n.reject_id
            RETURNING 1
        )
        SELECT count(*) FROM resent
    $query$, v_source, v_columns, regexp_replace(v_columns, '(^|, )', '\1p.', 'g'))
    INTO rows_resent USING p_pipeline, p_reason_code, p_reject_ids;
END
$procedure$;

REVOKE ALL ON PROCEDURE _etl.sp_resend_rejected(text, text, bigint, bigint[]) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE _etl.sp_resend_rejected(text, text, bigint, bigint[])
TO setu_admin, setu_etl;

COMMENT ON PROCEDURE _etl.sp_resend_rejected(text, text, bigint, bigint[]) IS
    'Sends rejected rows of a pipeline, of one reason or all, through bronze again; returns how '
    'many';
