-- New: one batch of machining cycles from bronze into silver. Most machines of a batch take the
-- fast path; those with a row that is late, repeated, a correction or invalid take the slow path.
-- Both are in the batch's transaction, and each writes silver and the state cache in one statement.
CREATE FUNCTION _etl.fn_load_machine_cycles(
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
    rows_sender_mismatch bigint
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_future_limit interval;
    v_checks_sender boolean;
    v_disputed bigint[];
    v_fast record;
    v_slow record;
BEGIN
    SELECT
        coalesce(min(s.future_limit), INTERVAL '1 day'),
        coalesce(min(s.sender_check), 'reject') = 'reject'
    INTO v_future_limit, v_checks_sender
    FROM _etl.load_settings AS s;
    v_disputed := _etl.fn_disputed_machines(p_after_id, p_fence_id, v_future_limit);

    SELECT
        f.last_id, f.last_ts, f.rows_read, f.rows_loaded, f.rows_late, f.rows_sender_mismatch,
        f.slow_machines
    INTO STRICT v_fast
    FROM _etl.fn_load_new_cycles(
        p_after_id, p_fence_id, p_since, p_limit, v_disputed, v_future_limit, v_checks_sender
    ) AS f;
    to_id := CASE WHEN v_fast.rows_read < p_limit THEN p_fence_id ELSE v_fast.last_id END;
    to_ts := v_fast.last_ts;
    rows_read := v_fast.rows_read;
    rows_loaded := v_fast.rows_loaded;
    rows_merged := 0;
    rows_rejected := 0;
    rows_late := v_fast.rows_late;
    rows_sender_mismatch := v_fast.rows_sender_mismatch;

    IF v_fast.slow_machines <> '{}' THEN
        SELECT s.rows_loaded, s.rows_merged, s.rows_rejected, s.rows_sender_mismatch
        INTO STRICT v_slow
        FROM _etl.fn_load_other_cycles(
            p_after_id, to_id, p_since, p_limit, v_fast.slow_machines, v_future_limit,
            v_checks_sender
        ) AS s;
        rows_loaded := rows_loaded + v_slow.rows_loaded;
        rows_merged := v_slow.rows_merged;
        rows_rejected := v_slow.rows_rejected;
        rows_sender_mismatch := rows_sender_mismatch + v_slow.rows_sender_mismatch;
    END IF;
    IF rows_read <> rows_loaded + rows_merged + rows_rejected THEN
        RAISE EXCEPTION 'cannot load cycles after id % because % rows were read and % dealt with',
            p_after_id, rows_read, rows_loaded + rows_merged + rows_rejected
            USING ERRCODE = 'internal_error',
                HINT = 'Report this: a row would be lost or counted twice';
    END IF;
    RETURN NEXT;
EXCEPTION WHEN unique_violation THEN
    -- Another session has written to silver, and the cache lags behind. If the cache needs no
    -- correction, the cause is another one.
    IF silver.fn_rebuild_cycle_state() = 0 THEN
        RAISE;
    END IF;
    RETURN QUERY
    SELECT
        l.to_id, l.to_ts, l.rows_read, l.rows_loaded, l.rows_merged, l.rows_rejected, l.rows_late,
        l.rows_sender_mismatch
    FROM _etl.fn_load_machine_cycles(p_after_id, p_fence_id, p_since, p_limit) AS l;
END
$function$;

REVOKE ALL ON FUNCTION
    _etl.fn_load_machine_cycles(bigint, bigint, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    _etl.fn_load_machine_cycles(bigint, bigint, timestamptz, integer) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_load_machine_cycles(bigint, bigint, timestamptz, integer) IS
    'Loads the next rows of bronze.raw_machine_cycles, by id, and returns what became of them';
