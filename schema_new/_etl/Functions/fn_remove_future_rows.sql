-- New: removes rows that a wrong clock left in silver before such rows were rejected. By default it
-- removes only those in the future, which freeze the state cache, hide a dead gateway and end no
-- stop.
CREATE FUNCTION _etl.fn_remove_future_rows(
    p_after timestamptz DEFAULT clock_timestamp(),
    OUT pipeline text,
    OUT rows_removed bigint
)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_key record;
    v_limit interval := coalesce(
        (SELECT s.future_limit FROM _etl.load_settings AS s), INTERVAL '1 day'
    );
    v_row record;
BEGIN
    FOR pipeline IN SELECT w.pipeline FROM _etl.watermarks AS w ORDER BY w.pipeline LOOP
        v_key := _etl.fn_silver_key(pipeline);
        rows_removed := 0;
        FOR v_row IN EXECUTE format(
            'SELECT s.machine_iot_id, s.%1$I AS event_time, %2$s AS key_part FROM %3$s AS s'
                ' WHERE s.%1$I > $1 AND s.%1$I > s.created_at + $2 ORDER BY 2 DESC',
            v_key.instant, coalesce('s.' || quote_ident(v_key.part), $$''$$), v_key.target
        ) USING p_after, v_limit
        LOOP
            PERFORM _etl.fn_remove_row(
                pipeline, v_row.machine_iot_id, v_row.event_time, 'in the future when it arrived',
                v_row.key_part
            );
            rows_removed := rows_removed + 1;
        END LOOP;
        RETURN NEXT;
    END LOOP;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_remove_future_rows(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_remove_future_rows(timestamptz) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_remove_future_rows(timestamptz) IS
    'Removes rows of silver whose event lay further after their arrival than the loads allow';
