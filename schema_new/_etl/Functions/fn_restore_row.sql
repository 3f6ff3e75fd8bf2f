-- New: ends a correction: silver gets its former row back. Rows that were rejected meanwhile are
-- sent again by CALL _etl.sp_resend_rejected(pipeline, 'corrected'), and keep their place.
CREATE FUNCTION _etl.fn_restore_row(
    p_pipeline text,
    p_machine_iot_id integer,
    p_event_time timestamptz,
    p_key_part text DEFAULT ''
)
RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT _etl.fn_correct_row(
        p_pipeline, p_machine_iot_id, p_event_time, p_key_part, 'restored', NULL, NULL
    )
$function$;

REVOKE ALL ON FUNCTION
    _etl.fn_restore_row(text, integer, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    _etl.fn_restore_row(text, integer, timestamptz, text) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_restore_row(text, integer, timestamptz, text) IS
    'Restores the row that silver had before it was removed or replaced; new rows count again. A '
    'cycle that comes back or changes its end gets its times and the gap after it computed anew, '
    'also where v1 had others';
