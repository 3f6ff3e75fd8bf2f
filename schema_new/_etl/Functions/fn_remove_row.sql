-- New: removes a row of silver that should not exist. Rows that arrive for its key afterwards are
-- rejected as corrected, until fn_restore_row.
CREATE FUNCTION _etl.fn_remove_row(
    p_pipeline text,
    p_machine_iot_id integer,
    p_event_time timestamptz,
    p_reason text,
    p_key_part text DEFAULT ''
)
RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT _etl.fn_correct_row(
        p_pipeline, p_machine_iot_id, p_event_time, p_key_part, 'removed', NULL, p_reason
    )
$function$;

REVOKE ALL ON FUNCTION
    _etl.fn_remove_row(text, integer, timestamptz, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    _etl.fn_remove_row(text, integer, timestamptz, text, text) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_remove_row(text, integer, timestamptz, text, text) IS
    'Removes a row of silver; rows that arrive for its key are rejected until it is restored';
