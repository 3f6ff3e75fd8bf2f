-- New: the key of a pipeline's silver table, by its column names, and its rows' own columns.
CREATE FUNCTION _etl.fn_silver_key(
    p_pipeline text,
    OUT target regclass,
    OUT instant text,
    OUT part text,
    OUT own_columns text[]
)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_key text[];
BEGIN
    SELECT format('silver.%I', w.pipeline)::regclass INTO target
    FROM _etl.watermarks AS w
    WHERE w.pipeline = p_pipeline;
    IF NOT FOUND THEN
        RAISE EXCEPTION
            'cannot correct a row of pipeline % because _etl.watermarks does not know it',
            p_pipeline
            USING ERRCODE = 'no_data_found',
                HINT = 'Take a name from SELECT pipeline FROM _etl.watermarks';
    END IF;
    SELECT array_agg(a.attname ORDER BY k.place) INTO STRICT v_key
    FROM pg_constraint AS u
    CROSS JOIN LATERAL unnest(u.conkey) WITH ORDINALITY AS k (attnum, place)
    INNER JOIN pg_attribute AS a ON a.attrelid = u.conrelid AND a.attnum = k.attnum
    WHERE u.conrelid = target AND u.contype = 'u';
    instant := v_key[2];
    part := v_key[3];
    SELECT array_agg(a.attname ORDER BY a.attnum) INTO STRICT own_columns
    FROM pg_attribute AS a
    WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attname <> ALL (v_key)
        AND a.attname <> ALL ('{logical_date,company_iot_id,shift_id,shift_name,created_at}')
        -- Computed from the cycle and its neighbours.
        AND a.attname <> ALL ('{actual_load_unload,actual_cycle_time}');
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_silver_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_silver_key(text) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_silver_key(text) IS
    'Silver table of a pipeline, its time column, its third key column if any, its own columns';
