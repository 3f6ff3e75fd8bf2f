-- New: sets columns of a row of silver to values that its gateway did not send; null is a value,
-- too. Rows that arrive for its key afterwards are rejected as corrected, until fn_restore_row.
CREATE FUNCTION _etl.fn_replace_row(
    p_pipeline text,
    p_machine_iot_id integer,
    p_event_time timestamptz,
    p_values jsonb,
    p_reason text,
    p_key_part text DEFAULT ''
)
RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT _etl.fn_correct_row(
        p_pipeline, p_machine_iot_id, p_event_time, p_key_part, 'replaced', p_values, p_reason
    )
$function$;

REVOKE ALL ON FUNCTION
    _etl.fn_replace_row(text, integer, timestamptz, jsonb, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    _etl.fn_replace_row(text, integer, timestamptz, jsonb, text, text) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_replace_row(text, integer, timestamptz, jsonb, text, text) IS
    'Sets columns of a row of silver; rows that arrive for its key are rejected until it is '
    'restored';
