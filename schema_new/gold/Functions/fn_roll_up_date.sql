-- New: one business date of a plant into gold.machine_shifts.
-- @section function
CREATE FUNCTION gold.fn_roll_up_date(p_plant_iot_id integer, p_date date) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_rows bigint;
BEGIN
    -- The date as a constant, so that the planner leaves other chunks alone. A machine that has
    -- moved to the plant since then has its row already.
    EXECUTE format(
        $statement$
        INSERT INTO gold.machine_shifts (
            machine_iot_id, logical_date, shift_id, company_iot_id, plant_iot_id, shift_name,
            planned_sec, downtime_sec, stops, cycles, cycles_without_std, std_sec, run_time_sec,
            parts, rejects, unpaired_readings
        )
        SELECT
            w.iot_id, w.logical_date, w.shift_id, w.company_iot_id, w.plant_iot_id, w.shift_name,
            w.planned_sec, w.downtime_sec, w.stops, w.cycles, w.cycles_without_std, w.std_sec,
            w.run_time_sec, w.parts, w.rejects, w.unpaired_readings
        FROM (
            SELECT
                m.iot_id, m.company_iot_id, pm.plant_iot_id, s.*,
                bool_or(s.is_reported) OVER (PARTITION BY m.iot_id) AS day_is_reported
            FROM master.machine_info AS m
            LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
            CROSS JOIN LATERAL gold.fn_machine_shifts(
                m.iot_id, pm.plant_iot_id, DATE %1$L, DATE %1$L
            ) AS s
            WHERE coalesce(pm.plant_iot_id, 0) = %2$s
        ) AS w
        WHERE w.day_is_reported
        ON CONFLICT (machine_iot_id, logical_date, shift_id) DO NOTHING
        $statement$,
        p_date, p_plant_iot_id
    );
    GET DIAGNOSTICS v_rows = ROW_COUNT;

    INSERT INTO gold.rolled_up_dates AS r (plant_iot_id, first_date, last_date)
    VALUES (p_plant_iot_id, p_date, p_date)
    ON CONFLICT (plant_iot_id) DO UPDATE
    SET first_date = least(r.first_date, excluded.first_date),
        last_date = greatest(r.last_date, excluded.last_date);
    RETURN v_rows;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_roll_up_date(integer, date) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_roll_up_date(integer, date) IS
    'Rolls up a business date of a plant (0: of the machines without one); returns how many rows';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_roll_up_date(integer, date) TO setu_etl;
