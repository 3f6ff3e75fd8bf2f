-- New: a stop without an end that the machine has left behind need not be looked up for each
-- report.
-- @section function
CREATE FUNCTION gold.fn_resolve_open_stops() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_rows bigint;
    v_alone boolean;
    v_first timestamptz;
BEGIN
    -- Where a load or a person has just written a cycle or a stop, it would look past that and note
    -- a later one for good. A session that writes one now waits, and sees what is noted.
    FOR v_try IN 1..20 LOOP
        v_alone := pg_try_advisory_xact_lock(hashtext('long stops'));
        EXIT WHEN v_alone;
        PERFORM pg_sleep(0.1);
    END LOOP;
    IF NOT v_alone THEN
        RETURN 0;
    END IF;
    SELECT coalesce(min(c.range_start), '-infinity') INTO v_first
    FROM timescaledb_information.chunks AS c
    WHERE format('%I.%I', c.hypertable_schema, c.hypertable_name) = 'silver.machine_downtime';
    -- A stop that silver's retention has dropped counts on the days that silver still has.
    DELETE FROM gold.long_stops AS l
    WHERE l.down_start < v_first
        AND l.down_end < (
            SELECT max(c.range_end) FROM gold.rolled_up_chunks AS c
            WHERE c.range_start < v_first AND to_regclass(c.chunk) IS NULL
        );
    -- What went with a younger chunk was dropped by somebody.
    DELETE FROM gold.long_stops AS l
    USING gold.rolled_up_chunks AS c
    WHERE c.range_start >= v_first
        AND l.down_start >= c.range_start AND l.down_start < c.range_end
        AND to_regclass(c.chunk) IS NULL
        AND NOT EXISTS (
            SELECT 1 FROM silver.machine_downtime AS d
            WHERE d.machine_iot_id = l.machine_iot_id AND d.down_start = l.down_start
        );
    UPDATE gold.long_stops AS l
    SET down_end = n.at
    FROM (
        SELECT o.machine_iot_id, o.down_start,
            gold.fn_next_sign(o.machine_iot_id, o.down_start) AS at
        FROM gold.long_stops AS o
        WHERE o.is_open AND o.down_end IS NULL
    ) AS n
    WHERE l.machine_iot_id = n.machine_iot_id AND l.down_start = n.down_start AND n.at IS NOT NULL;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_resolve_open_stops() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_resolve_open_stops() IS
    'Notes when stops without an end were over, where the machine has shown so; returns how many';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_resolve_open_stops() TO setu_etl;
