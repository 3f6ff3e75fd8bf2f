-- New: rolls up days of a machine again. Each keeps the plant in which the machine stood at the
-- time.
-- @section function
CREATE FUNCTION gold.fn_roll_up_anew(p_machine_iot_id integer, p_from date, p_to date)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_part record;
BEGIN
    FOR v_part IN
        SELECT k.plant_iot_id, min(k.day) AS first_date, max(k.day) AS last_date, k.company_iot_id
        FROM (
            SELECT
                d.day,
                nullif(coalesce(x.plant_iot_id, f.plant_iot_id, pm.plant_iot_id), 0)
                    AS plant_iot_id,
                m.company_iot_id,
                d.day - row_number() OVER (
                    PARTITION BY
                        nullif(coalesce(x.plant_iot_id, f.plant_iot_id, pm.plant_iot_id), 0)
                    ORDER BY d.day
                )::integer AS run
            FROM (
                SELECT p_from + n.days AS day FROM generate_series(0, p_to - p_from) AS n (days)
            ) AS d
            INNER JOIN master.machine_info AS m ON m.iot_id = p_machine_iot_id
            LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
            LEFT JOIN master.former_plants AS f
                ON f.machine_iot_id = m.iot_id AND d.day BETWEEN f.first_date AND f.last_date
            LEFT JOIN LATERAL (
                -- 0: it had no plant, and a later one does not count.
                SELECT coalesce(o.plant_iot_id, 0) AS plant_iot_id FROM gold.machine_shifts AS o
                WHERE o.machine_iot_id = p_machine_iot_id AND o.logical_date = d.day
                LIMIT 1
            ) AS x ON true
            LEFT JOIN gold.rolled_up_dates AS r
                ON r.plant_iot_id = coalesce(
                    x.plant_iot_id, f.plant_iot_id, pm.plant_iot_id, 0
                )
            -- Days that are not rolled up yet will include the late rows.
            WHERE d.day BETWEEN r.first_date AND r.last_date
        ) AS k
        GROUP BY k.plant_iot_id, k.company_iot_id, k.run
    LOOP
        DELETE FROM gold.machine_shifts AS o
        WHERE o.machine_iot_id = p_machine_iot_id
            AND o.logical_date BETWEEN v_part.first_date AND v_part.last_date;
        INSERT INTO gold.machine_shifts (
            machine_iot_id, logical_date, shift_id, company_iot_id, plant_iot_id, shift_name,
            planned_sec, downtime_sec, stops, cycles, cycles_without_std, std_sec, run_time_sec,
            parts, rejects, unpaired_readings
        )
        SELECT
            p_machine_iot_id, w.logical_date, w.shift_id, v_part.company_iot_id,
            v_part.plant_iot_id, w.shift_name, w.planned_sec, w.downtime_sec, w.stops, w.cycles,
            w.cycles_without_std, w.std_sec, w.run_time_sec, w.parts, w.rejects,
            w.unpaired_readings
        FROM (
            SELECT
                s.logical_date, s.shift_id, s.shift_name, s.planned_sec, s.downtime_sec, s.stops,
                s.cycles, s.cycles_without_std, s.std_sec, s.run_time_sec, s.parts, s.rejects,
                s.unpaired_readings,
                bool_or(s.is_reported) OVER (PARTITION BY s.logical_date) AS day_is_reported
            FROM gold.fn_read_machine_shifts(
                ARRAY[p_machine_iot_id], v_part.plant_iot_id, v_part.first_date, v_part.last_date
            ) AS s
        ) AS w
        WHERE w.day_is_reported;
    END LOOP;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_roll_up_anew(integer, date, date) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_roll_up_anew(integer, date, date) IS
    'Rolls up business dates of a machine once more, from the first to the last, where they are '
    'rolled up';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_roll_up_anew(integer, date, date) TO setu_etl;
