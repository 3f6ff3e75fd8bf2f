-- New: business dates of a plant into gold.machine_shifts.
-- @section function
CREATE FUNCTION gold.fn_roll_up_dates(p_plant_iot_id integer, p_from date, p_to date)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_machines integer[];
    v_rows bigint;
BEGIN
    INSERT INTO gold.rolled_up_dates AS r (plant_iot_id, first_date, last_date)
    VALUES (p_plant_iot_id, p_from, p_to)
    ON CONFLICT (plant_iot_id) DO UPDATE
    SET first_date = least(r.first_date, excluded.first_date),
        last_date = greatest(r.last_date, excluded.last_date);
    SELECT array_agg(m.iot_id) INTO v_machines
    FROM master.machine_info AS m
    LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
    WHERE coalesce(pm.plant_iot_id, 0) = p_plant_iot_id
        OR EXISTS (
            SELECT 1 FROM master.former_plants AS f
            WHERE f.machine_iot_id = m.iot_id AND f.plant_iot_id = p_plant_iot_id
                AND f.first_date <= p_to AND f.last_date >= p_from
        );
    IF v_machines IS NULL THEN
        RETURN 0;
    END IF;

    INSERT INTO gold.machine_shifts (
        machine_iot_id, logical_date, shift_id, company_iot_id, plant_iot_id, shift_name,
        planned_sec, downtime_sec, stops, cycles, cycles_without_std, std_sec, run_time_sec,
        parts, rejects, unpaired_readings
    )
    SELECT
        w.machine_iot_id, w.logical_date, w.shift_id, m.company_iot_id,
        nullif(p_plant_iot_id, 0), w.shift_name, w.planned_sec, w.downtime_sec, w.stops, w.cycles,
        w.cycles_without_std, w.std_sec, w.run_time_sec, w.parts, w.rejects, w.unpaired_readings
    FROM (
        SELECT
            s.machine_iot_id, s.logical_date, s.shift_id, s.shift_name, s.planned_sec,
            s.downtime_sec, s.stops, s.cycles, s.cycles_without_std, s.std_sec, s.run_time_sec,
            s.parts, s.rejects, s.unpaired_readings,
            bool_or(s.is_reported) OVER (PARTITION BY s.machine_iot_id, s.logical_date)
                AS day_is_reported
        FROM gold.fn_read_machine_shifts(
            v_machines, nullif(p_plant_iot_id, 0), p_from, p_to
        ) AS s
    ) AS w
    INNER JOIN master.machine_info AS m ON m.iot_id = w.machine_iot_id
    LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = w.machine_iot_id
    LEFT JOIN master.former_plants AS f
        ON f.machine_iot_id = w.machine_iot_id
        AND w.logical_date BETWEEN f.first_date AND f.last_date
    WHERE w.day_is_reported AND coalesce(f.plant_iot_id, pm.plant_iot_id, 0) = p_plant_iot_id
        -- It got the plant after its date had been rolled up without one.
        AND NOT EXISTS (
            SELECT 1 FROM gold.machine_shifts AS o
            WHERE o.machine_iot_id = w.machine_iot_id AND o.logical_date = w.logical_date
        )
    ON CONFLICT (machine_iot_id, logical_date, shift_id) DO NOTHING;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_roll_up_dates(integer, date, date) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_roll_up_dates(integer, date, date) IS
    'Rolls up business dates of a plant (0: of the machines without one), from the first to the '
    'last; returns how many rows';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_roll_up_dates(integer, date, date) TO setu_etl;
