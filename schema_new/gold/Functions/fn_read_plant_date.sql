-- New: a business date of a plant for a report, of machines that are counted there. Nearly always
-- there is none, so its plan is kept here and not made for each report.
-- @section function
CREATE FUNCTION gold.fn_read_plant_date(
    p_machines integer[], p_plant_iot_id integer, p_date date, p_is_rolled_up boolean
)
RETURNS TABLE (
    company_iot_id integer,
    machine_iot_id integer,
    shift_id smallint,
    shift_name text,
    planned_sec numeric,
    downtime_sec numeric,
    stops bigint,
    cycles bigint,
    cycles_without_std bigint,
    std_sec bigint,
    run_time_sec numeric,
    parts bigint,
    rejects bigint,
    unpaired_readings bigint,
    is_reported boolean
)
LANGUAGE plpgsql STABLE SECURITY INVOKER
ROWS 1  -- nearly always none, and a plan that expects many is compiled at length
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
BEGIN
    RETURN QUERY
    SELECT
        m.company_iot_id,
        m.iot_id,
        s.shift_id,
        s.shift_name,
        s.planned_sec,
        s.downtime_sec,
        s.stops,
        s.cycles,
        s.cycles_without_std,
        s.std_sec,
        s.run_time_sec,
        s.parts,
        s.rejects,
        s.unpaired_readings,
        s.is_reported
    FROM gold.fn_read_machine_shifts(p_machines, p_plant_iot_id, p_date, p_date) AS s
    INNER JOIN master.machine_info AS m ON m.iot_id = s.machine_iot_id
    LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = s.machine_iot_id
    LEFT JOIN master.former_plants AS f
        ON f.machine_iot_id = s.machine_iot_id AND p_date BETWEEN f.first_date AND f.last_date
    WHERE p_is_rolled_up
        OR (
            coalesce(f.plant_iot_id, pm.plant_iot_id) IS NOT DISTINCT FROM p_plant_iot_id
            AND NOT EXISTS (
                SELECT 1 FROM gold.machine_shifts AS o
                WHERE o.machine_iot_id = s.machine_iot_id AND o.logical_date = p_date
            )
        );
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_read_plant_date(integer[], integer, date, boolean) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_read_plant_date(integer[], integer, date, boolean) IS
    'What machines of a plant did in each shift of a business date, those of them that stood there '
    'and are not rolled up, or all where that is known';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_read_plant_date(integer[], integer, date, boolean)
    TO setu_etl, setu_reader;
