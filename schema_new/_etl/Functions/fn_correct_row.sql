-- New: removes, replaces or restores one row of silver by hand, and lets its neighbours and the
-- state cache follow; aggregates follow at their next refresh. fn_remove_row, fn_replace_row and
-- fn_restore_row call it. It and a load of the same pipeline wait for each other: both lock the
-- same watermark. SECURITY DEFINER: setu_etl, which runs the loads, may not delete from silver.
CREATE FUNCTION _etl.fn_correct_row(
    p_pipeline text,
    p_machine_iot_id integer,
    p_event_time timestamptz,
    p_key_part text,
    p_action text,
    p_values jsonb,
    p_reason text
)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0
AS $function$
DECLARE
    v_key record := _etl.fn_silver_key(p_pipeline);
    v_where text;
    v_row jsonb;
    v_before jsonb;
    v_unknown text;
    v_end text;
    v_silver_end timestamptz;
    v_is_there boolean;
BEGIN
    PERFORM 1 FROM _etl.watermarks AS w WHERE w.pipeline = p_pipeline FOR UPDATE;

    -- Values are parameters: an instant written out by DateStyle may be read as another one.
    v_where := format('s.machine_iot_id = $1 AND s.%I = $2', v_key.instant)
        || CASE WHEN v_key.part IS NULL THEN '' ELSE format(' AND s.%I = $3', v_key.part) END;
    EXECUTE format('SELECT to_jsonb(s) FROM %s AS s WHERE %s', v_key.target, v_where)
    INTO v_row USING p_machine_iot_id, p_event_time, p_key_part;
    v_is_there := v_row IS NOT NULL;
    v_silver_end := (v_row ->> 'cycle_end')::timestamptz;
    SELECT c.row_before INTO v_before
    FROM _etl.corrections AS c
    WHERE c.pipeline = p_pipeline AND c.machine_iot_id = p_machine_iot_id
        AND c.event_time = p_event_time AND c.key_part = p_key_part;

    IF p_action = 'restored' AND v_before IS NULL THEN
        RAISE EXCEPTION 'cannot restore a row of % because no correction has its key', v_key.target
            USING ERRCODE = 'no_data_found',
                DETAIL = format(
                    'Key: machine %s, %s, %L.', p_machine_iot_id, p_event_time, p_key_part
                ),
                HINT = 'Look for the key in _etl.corrections';
    ELSIF v_row IS NULL AND (v_before IS NULL OR p_action = 'removed') THEN
        RAISE EXCEPTION 'cannot correct a row of % because it has no row of this key', v_key.target
            USING ERRCODE = 'no_data_found',
                DETAIL = format(
                    'Key: machine %s, %s, %L.', p_machine_iot_id, p_event_time, p_key_part
                ),
                HINT = format(
                    'Look for the row in %s; pass p_key_part where its key has three columns',
                    v_key.target
                );
    END IF;

    IF p_action = 'restored' THEN
        v_row := v_before;
        DELETE FROM _etl.corrections AS c
        WHERE c.pipeline = p_pipeline AND c.machine_iot_id = p_machine_iot_id
            AND c.event_time = p_event_time AND c.key_part = p_key_part;
    ELSE
        INSERT INTO _etl.corrections AS c (
            pipeline, machine_iot_id, event_time, key_part, action, reason, row_before
        )
        VALUES (
            p_pipeline, p_machine_iot_id, p_event_time, p_key_part, p_action, p_reason,
            coalesce(v_before, v_row)
        )
        ON CONFLICT (pipeline, machine_iot_id, event_time, key_part) DO UPDATE
        SET action = excluded.action, reason = excluded.reason,
            corrected_at = excluded.corrected_at, corrected_by = excluded.corrected_by;
    END IF;

    IF p_action = 'replaced' THEN
        SELECT string_agg(k.name, ', ' ORDER BY k.name) INTO v_unknown
        FROM jsonb_object_keys(p_values) AS k (name)
        WHERE k.name <> ALL (v_key.own_columns);
        IF v_unknown IS NOT NULL THEN
            RAISE EXCEPTION 'cannot replace % of % because only its own columns can be',
                v_unknown, v_key.target
                USING ERRCODE = 'invalid_parameter_value',
                    DETAIL = format(
                        'Own columns: %s.', array_to_string(v_key.own_columns, ', ')
                    ),
                    HINT = 'Remove a row whose key is wrong, and send the right one';
        END IF;
        v_row := coalesce(v_row, v_before) || p_values;
        v_end := coalesce(v_row ->> 'cycle_end', v_row ->> 'down_end');
        IF p_values ?| '{cycle_end,down_end}' AND v_end::timestamptz < p_event_time THEN
            RAISE EXCEPTION
                'cannot replace the end of a row of % because it would lie before its start',
                v_key.target
                USING ERRCODE = 'invalid_parameter_value',
                    DETAIL = format('Start: %s. End: %s.', p_event_time, v_end),
                    HINT = 'Give an end that is not before the start, or null for an open one';
        END IF;
    END IF;

    IF p_action = 'removed' THEN
        EXECUTE format('DELETE FROM %s AS s WHERE %s', v_key.target, v_where)
        USING p_machine_iot_id, p_event_time, p_key_part;
    ELSE
        EXECUTE (
            SELECT format(
                'INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)'
                    ' ON CONFLICT (%3$s) DO UPDATE SET %4$s',
                v_key.target,
                string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
                concat_ws(
                    ', ', 'machine_iot_id', quote_ident(v_key.instant), quote_ident(v_key.part)
                ),
                string_agg(format('%1$I = excluded.%1$I', a.attname), ', ' ORDER BY a.attnum)
                    FILTER (WHERE a.attname = ANY (v_key.own_columns))
            )
            FROM pg_attribute AS a
            WHERE a.attrelid = v_key.target AND a.attnum > 0 AND NOT a.attisdropped
        ) USING v_row;
    END IF;

    -- What v1 computed for a cycle and for the next one stands while the cycle keeps its end.
    IF p_pipeline = 'machine_cycles' AND (
        p_action = 'removed' OR NOT v_is_there
        OR (v_row ->> 'cycle_end')::timestamptz IS DISTINCT FROM v_silver_end
    ) THEN
        PERFORM _etl.fn_restitch_cycles(p_machine_iot_id, p_event_time);
    END IF;
END
$function$;

REVOKE ALL ON FUNCTION
    _etl.fn_correct_row(text, integer, timestamptz, text, text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    _etl.fn_correct_row(text, integer, timestamptz, text, text, jsonb, text) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_correct_row(text, integer, timestamptz, text, text, jsonb, text) IS
    'Removes, replaces or restores one row of silver; shared by the functions for each';
