-- New: business dates of a plant into gold.machine_shifts, all its machines at once: machine by
-- machine it takes three times as long.
-- @section function
CREATE FUNCTION gold.fn_roll_up_dates(p_plant_iot_id integer, p_from date, p_to date)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
DECLARE
    v_rows bigint := 0;
BEGIN
    INSERT INTO gold.rolled_up_dates AS r (plant_iot_id, first_date, last_date)
    VALUES (p_plant_iot_id, p_from, p_to)
    ON CONFLICT (plant_iot_id) DO UPDATE
    SET first_date = least(r.first_date, excluded.first_date),
        last_date = greatest(r.last_date, excluded.last_date);
    IF NOT EXISTS (
        SELECT 1 FROM master.machine_info AS m
        LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
        WHERE coalesce(pm.plant_iot_id, 0) = p_plant_iot_id
    ) THEN
        RETURN v_rows;
    END IF;

    -- The dates as constants, so that the planner leaves other chunks alone. A machine that has
    -- moved to the plant since then has its rows already.
    EXECUTE format(
        $statement$
        WITH machines AS (
            SELECT m.iot_id AS machine_iot_id, m.company_iot_id, pm.plant_iot_id
            FROM master.machine_info AS m
            LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
            WHERE coalesce(pm.plant_iot_id, 0) = %1$s
        ),
        -- As in gold.fn_machine_shifts.
        stood AS (
            SELECT a.machine_iot_id, range_agg(a.lasts) AS lasted
            FROM (
                SELECT
                    d.machine_iot_id,
                    tstzrange(d.down_start, greatest(d.down_start, d.down_end)) AS lasts
                FROM silver.machine_downtime AS d
                WHERE d.down_start >= (DATE %2$L::timestamp - INTERVAL '38 hours')
                        AT TIME ZONE 'UTC'
                    AND d.down_start < (DATE %3$L::timestamp + INTERVAL '60 hours')
                        AT TIME ZONE 'UTC'
                    AND d.down_end < 'infinity'
                UNION ALL
                SELECT
                    d.machine_iot_id,
                    tstzrange(
                        d.down_start,
                        greatest(
                            d.down_start,
                            least(
                                now(),
                                coalesce(
                                    o.down_end, gold.fn_next_sign(d.machine_iot_id, d.down_start)
                                )
                            )
                        )
                    )
                FROM silver.machine_downtime AS d
                LEFT JOIN gold.long_stops AS o
                    ON o.machine_iot_id = d.machine_iot_id AND o.down_start = d.down_start
                        AND o.is_open
                WHERE d.down_start >= (DATE %2$L::timestamp - INTERVAL '38 hours')
                        AT TIME ZONE 'UTC'
                    AND d.down_start < (DATE %3$L::timestamp + INTERVAL '60 hours')
                        AT TIME ZONE 'UTC'
                    AND (d.down_end IS NULL OR d.down_end = 'infinity')
                UNION ALL
                SELECT
                    l.machine_iot_id,
                    tstzrange(
                        l.down_start,
                        coalesce(
                            l.down_end,
                            gold.fn_next_sign(l.machine_iot_id, l.down_start),
                            greatest(l.down_start, now())
                        )
                    )
                FROM gold.long_stops AS l
                WHERE l.down_start < (DATE %2$L::timestamp - INTERVAL '38 hours')
                        AT TIME ZONE 'UTC'
                    AND coalesce(l.down_end, 'infinity')
                        > (DATE %2$L::timestamp - INTERVAL '14 hours') AT TIME ZONE 'UTC'
            ) AS a
            WHERE a.machine_iot_id IN (SELECT m.machine_iot_id FROM machines AS m)
            GROUP BY a.machine_iot_id
        ),
        -- Planned time, up to now.
        planned AS MATERIALIZED (
            SELECT e.logical_date, e.shift_id, e.shift_name, e.working, e.planned_sec
            FROM master.fn_planned_shifts(%4$s, DATE %2$L, DATE %3$L) AS e
        ),
        parts AS (
            SELECT
                m.machine_iot_id,
                p.logical_date,
                p.shift_id,
                p.shift_name,
                p.planned_sec,
                coalesce(gold.fn_seconds(p.working * s.lasted), 0) AS downtime_sec,
                NULL::bigint AS stops,
                NULL::bigint AS cycles,
                NULL::bigint AS cycles_without_std,
                NULL::bigint AS std_sec,
                NULL::numeric AS run_time_sec,
                NULL::bigint AS parts,
                NULL::bigint AS rejects,
                NULL::bigint AS unpaired_readings
            FROM machines AS m
            CROSS JOIN planned AS p
            LEFT JOIN stood AS s ON s.machine_iot_id = m.machine_iot_id
            UNION ALL
            SELECT
                d.machine_iot_id, d.logical_date, d.shift_id, max(d.shift_name), NULL, NULL,
                count(*), NULL, NULL, NULL, NULL, NULL, NULL, NULL
            FROM silver.machine_downtime AS d
            WHERE d.logical_date BETWEEN DATE %2$L AND DATE %3$L
                AND d.down_start >= (DATE %2$L::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
                AND d.down_start < (DATE %3$L::timestamp + INTERVAL '84 hours') AT TIME ZONE 'UTC'
                AND d.machine_iot_id IN (SELECT m.machine_iot_id FROM machines AS m)
            GROUP BY d.machine_iot_id, d.logical_date, d.shift_id
            UNION ALL
            SELECT
                c.machine_iot_id, c.logical_date, c.shift_id, max(c.shift_name), NULL, NULL, NULL,
                count(*),
                count(*) FILTER (WHERE c.std_cycle_time IS NULL),
                sum(c.std_cycle_time),
                -- Intervals add up faster than numbers do.
                extract(EPOCH FROM sum(c.cycle_end - c.cycle_start) FILTER (
                    WHERE c.cycle_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
                )),
                NULL, NULL, NULL
            FROM silver.machine_cycles AS c
            WHERE c.logical_date BETWEEN DATE %2$L AND DATE %3$L
                AND c.cycle_start >= (DATE %2$L::timestamp - INTERVAL '38 hours')
                    AT TIME ZONE 'UTC'
                AND c.cycle_start < (DATE %3$L::timestamp + INTERVAL '84 hours')
                    AT TIME ZONE 'UTC'
                AND c.machine_iot_id IN (SELECT m.machine_iot_id FROM machines AS m)
            GROUP BY c.machine_iot_id, c.logical_date, c.shift_id
            UNION ALL
            SELECT
                f.machine_iot_id, f.logical_date, f.shift_id, max(f.shift_name), NULL, NULL, NULL,
                NULL, NULL, NULL, NULL,
                sum(f.part_count),
                sum(f.rej_count),
                count(*) FILTER (WHERE (f.part_count IS NULL) <> (f.rej_count IS NULL))
            FROM silver.machine_focas AS f
            WHERE f.logical_date BETWEEN DATE %2$L AND DATE %3$L
                AND f.event_time >= (DATE %2$L::timestamp - INTERVAL '38 hours')
                    AT TIME ZONE 'UTC'
                AND f.event_time < (DATE %3$L::timestamp + INTERVAL '84 hours')
                    AT TIME ZONE 'UTC'
                AND f.machine_iot_id IN (SELECT m.machine_iot_id FROM machines AS m)
            GROUP BY f.machine_iot_id, f.logical_date, f.shift_id
        )
        INSERT INTO gold.machine_shifts (
            machine_iot_id, logical_date, shift_id, company_iot_id, plant_iot_id, shift_name,
            planned_sec, downtime_sec, stops, cycles, cycles_without_std, std_sec, run_time_sec,
            parts, rejects, unpaired_readings
        )
        SELECT
            w.machine_iot_id, w.logical_date, w.shift_id, w.company_iot_id, w.plant_iot_id,
            w.shift_name, w.planned_sec, w.downtime_sec, w.stops, w.cycles, w.cycles_without_std,
            w.std_sec, w.run_time_sec, w.parts, w.rejects, w.unpaired_readings
        FROM (
            SELECT
                m.company_iot_id,
                m.plant_iot_id,
                r.machine_iot_id,
                r.logical_date,
                r.shift_id,
                max(r.shift_name) AS shift_name,
                sum(r.planned_sec) AS planned_sec,
                coalesce(sum(r.downtime_sec), 0) AS downtime_sec,
                coalesce(sum(r.stops), 0)::bigint AS stops,
                coalesce(sum(r.cycles), 0)::bigint AS cycles,
                coalesce(sum(r.cycles_without_std), 0)::bigint AS cycles_without_std,
                coalesce(sum(r.std_sec), 0)::bigint AS std_sec,
                coalesce(sum(r.run_time_sec), 0) AS run_time_sec,
                sum(r.parts)::bigint AS parts,
                sum(r.rejects)::bigint AS rejects,
                coalesce(sum(r.unpaired_readings), 0)::bigint AS unpaired_readings,
                bool_or(bool_or(r.planned_sec IS NULL OR r.downtime_sec > 0)) OVER (
                    PARTITION BY r.machine_iot_id, r.logical_date
                ) AS day_is_reported
            FROM parts AS r
            INNER JOIN machines AS m ON m.machine_iot_id = r.machine_iot_id
            GROUP BY
                m.company_iot_id, m.plant_iot_id, r.machine_iot_id, r.logical_date, r.shift_id
        ) AS w
        WHERE w.day_is_reported
        ON CONFLICT (machine_iot_id, logical_date, shift_id) DO NOTHING
        $statement$,
        p_plant_iot_id, p_from, p_to, coalesce(nullif(p_plant_iot_id, 0)::text, 'NULL')
    );
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
