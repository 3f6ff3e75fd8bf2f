-- New: a row that fails in a way that no check foresaw must not block the rows behind it.
CREATE FUNCTION _etl.fn_reject_next_row(
    p_pipeline text,
    p_after_id bigint,
    p_fence_id bigint,
    p_reason_code text,
    p_detail text,
    OUT rejected_id bigint,
    OUT arrived_at timestamptz
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_source regclass;
    v_target regclass;
    v_instant text;
    v_key_part text;
    v_kept text := 'to_jsonb(n)';
    v_reason text := p_reason_code;
BEGIN
    SELECT w.source_table::regclass, w.target_table::regclass INTO STRICT v_source, v_target
    FROM _etl.watermarks AS w
    WHERE w.pipeline = p_pipeline;
    SELECT
        max(format('n.%I', a.attname)) FILTER (WHERE k.place = 2),
        coalesce(
            max(format('coalesce(n.%I, %L)', a.attname, '')) FILTER (WHERE k.place = 3), $$''$$
        )
    INTO STRICT v_instant, v_key_part
    FROM pg_constraint AS u
    CROSS JOIN LATERAL unnest(u.conkey) WITH ORDINALITY AS k (attnum, place)
    INNER JOIN pg_attribute AS a ON a.attrelid = u.conrelid AND a.attnum = k.attnum
    WHERE u.conrelid = v_target AND u.contype = 'u';
    LOOP
        BEGIN
            EXECUTE format($query$
                WITH next AS (
                    SELECT r.* FROM %1$s AS r WHERE r.id > $1 AND r.id <= $2 ORDER BY r.id LIMIT 1
                ),
                kept AS (
                    INSERT INTO _etl.rejected_rows (
                        pipeline, bronze_id, bronze_time, first_id, first_time, machine_iot_id,
                        event_time, key_part, reason_code, detail, row_data
                    )
                    SELECT $3, n.id, n.time, coalesce(a.first_id, n.id),
                        coalesce(a.first_time, n.time), n.machine_iot_id,
                        %3$s, left(%4$s, 2600), $4, $5, %2$s
                    FROM next AS n
                    LEFT JOIN _etl.rejected_rows AS a
                        ON a.pipeline = $3 AND a.is_open AND a.resent_id = n.id
                    ON CONFLICT (pipeline, bronze_id) DO NOTHING
                )
                SELECT n.id, n.time FROM next AS n
            $query$, v_source, v_kept, v_instant, v_key_part)
            INTO rejected_id, arrived_at
            USING p_after_id, p_fence_id, p_pipeline, v_reason, p_detail;
            RETURN;
        EXCEPTION WHEN program_limit_exceeded THEN
            -- Text of 256 MB and more fits into no jsonb: only the beginning is kept here, and the
            -- row itself as long as its chunk of bronze.
            IF v_reason = 'row_too_large' THEN
                RAISE;
            END IF;
            v_reason := 'row_too_large';
            SELECT format('jsonb_build_object(%s)', string_agg(
                format(
                    CASE a.atttypid
                        WHEN 'text'::regtype THEN '%L, left(n.%I, 1000)' ELSE '%L, n.%I'
                    END,
                    a.attname, a.attname
                ), ', ' ORDER BY a.attnum
            ))
            INTO STRICT v_kept
            FROM pg_attribute AS a
            WHERE a.attrelid = v_source AND a.attnum > 0 AND NOT a.attisdropped;
        END;
    END LOOP;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_reject_next_row(text, bigint, bigint, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_reject_next_row(text, bigint, bigint, text, text) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_reject_next_row(text, bigint, bigint, text, text) IS
    'Rejects the next bronze row of a pipeline with a reason; returns its id and arrival';
