-- New: a stop without an end lasts until the machine shows otherwise.
-- @section function
CREATE FUNCTION gold.fn_next_sign(p_machine_iot_id integer, p_after timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    RETURN least(
        (
            SELECT min(d.down_start) FROM silver.machine_downtime AS d
            WHERE d.machine_iot_id = p_machine_iot_id AND d.down_start > p_after
        ),
        (
            SELECT min(c.cycle_start) FROM silver.machine_cycles AS c
            WHERE c.machine_iot_id = p_machine_iot_id AND c.cycle_start > p_after
        )
    );
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_next_sign(integer, timestamptz) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_next_sign(integer, timestamptz) IS
    'When a machine next began a cycle or another stop after an instant; null: not yet';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_next_sign(integer, timestamptz) TO setu_etl, setu_reader;
