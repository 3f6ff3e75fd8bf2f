-- New: a sequence that went back (a table restored without it, a replica that took over, setval)
-- gives out ids that count as loaded already. Those rows would be lost silently, so no run begins.
CREATE FUNCTION _etl.fn_sequence_fault(p_pipeline text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_mark record;
    v_sequence text;
    v_reached bigint;
    v_reading bigint;
BEGIN
    SELECT w.source_table, w.last_processed_id INTO STRICT v_mark
    FROM _etl.watermarks AS w
    WHERE w.pipeline = p_pipeline;
    v_sequence := pg_get_serial_sequence(v_mark.source_table, 'id');
    SELECT greatest(v_mark.last_processed_id, max(f.fence_id)) INTO v_reached
    FROM _etl.fence_readings AS f
    WHERE f.pipeline = p_pipeline;
    -- Read after the marks: it only grows.
    EXECUTE format(
        'SELECT CASE WHEN s.is_called THEN s.last_value ELSE s.last_value - 1 END FROM %s AS s',
        v_sequence
    ) INTO v_reading;
    IF v_reading < v_reached THEN
        RETURN format('sequence %s went back: it stands at %s, and ids up to %s are decided',
            v_sequence, v_reading, v_reached);
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_sequence_fault(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_sequence_fault(text) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_sequence_fault(text) IS
    'What is wrong with the id sequence of a pipeline''s bronze table; null when nothing is';
