-- New: deletes rejected rows that will not be corrected. They are counted, so that each bronze row
-- stays accounted for. SECURITY DEFINER: only the owner may delete a rejected row.
CREATE PROCEDURE _etl.sp_discard_rejected(
    p_pipeline text,
    p_reject_ids bigint[],
    INOUT rows_discarded bigint DEFAULT 0
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $procedure$
BEGIN
    -- A payload of v1 is rejected under the name of its table, and no load has it.
    IF p_pipeline IS DISTINCT FROM 'raw_telemetry' AND NOT EXISTS (
        SELECT FROM _etl.watermarks AS w WHERE w.pipeline = p_pipeline
    ) THEN
        RAISE EXCEPTION
            'cannot discard rows of pipeline % because _etl.watermarks does not know it', p_pipeline
            USING ERRCODE = 'no_data_found',
                HINT = 'Take a name from SELECT pipeline FROM _etl.watermarks';
    END IF;

    WITH waiting AS (
        SELECT r.reject_id
        FROM _etl.rejected_rows AS r
        WHERE r.pipeline = p_pipeline AND r.resent_at IS NULL AND r.reject_id = ANY (p_reject_ids)
        -- In the order in which sp_resend_rejected locks them.
        ORDER BY r.reject_id
        FOR UPDATE
    ),
    discarded AS (
        DELETE FROM _etl.rejected_rows AS r
        USING waiting AS w
        WHERE r.reject_id = w.reject_id
        RETURNING r.reason_code
    ),
    counted AS (
        INSERT INTO _etl.discarded_rejects AS d (pipeline, reason_code, cause, rows_discarded)
        SELECT p_pipeline, g.reason_code, 'by hand', count(*)
        FROM discarded AS g
        GROUP BY g.reason_code
        ORDER BY g.reason_code
        ON CONFLICT (pipeline, reason_code, cause) DO UPDATE
        SET rows_discarded = d.rows_discarded + excluded.rows_discarded,
            last_discarded_at = excluded.last_discarded_at,
            last_discarded_by = excluded.last_discarded_by
        RETURNING 1
    )
    SELECT count(*) INTO rows_discarded FROM discarded;
END
$procedure$;

REVOKE ALL ON PROCEDURE _etl.sp_discard_rejected(text, bigint[], bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE _etl.sp_discard_rejected(text, bigint[], bigint) TO setu_etl;

COMMENT ON PROCEDURE _etl.sp_discard_rejected(text, bigint[], bigint) IS
    'Discards waiting rejected rows of a pipeline, and counts them in discarded_rejects; returns '
    'how many';
