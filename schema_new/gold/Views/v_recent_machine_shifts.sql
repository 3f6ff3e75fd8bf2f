-- New: what each machine did in each shift of the business dates that are not over, or just over,
-- all machines at once: a look at each machine by itself takes three times as long. The bounds in
-- time are named in the text, so that the planner leaves old chunks alone.
-- @section view
CREATE VIEW gold.v_recent_machine_shifts AS
WITH machines AS NOT MATERIALIZED (
    SELECT
        m.company_iot_id,
        pm.plant_iot_id,
        m.iot_id AS machine_iot_id,
        coalesce(r.last_date, '-infinity') AS last_date
    FROM master.machine_info AS m
    LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
    LEFT JOIN gold.rolled_up_dates AS r ON r.plant_iot_id = coalesce(pm.plant_iot_id, 0)
),
-- No row of the dates from first_date on is older than dates_from, whatever its zone, and no stop
-- of at most a day that reaches into them begins before since.
live AS (
    SELECT
        e.first_date,
        greatest(
            now() - INTERVAL '8 days',
            (e.first_date::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
        ) AS since,
        greatest(
            now() - INTERVAL '8 days',
            (e.first_date::timestamp - INTERVAL '14 hours') AT TIME ZONE 'UTC'
        ) AS dates_from
    FROM (
        SELECT
            greatest(
                (now() AT TIME ZONE 'UTC')::date - 3, min(coalesce(r.last_date, '-infinity')) + 1
            ) AS first_date
        FROM (SELECT x.iot_id FROM master.plants AS x UNION ALL SELECT 0) AS p
        LEFT JOIN gold.rolled_up_dates AS r ON r.plant_iot_id = p.iot_id
    ) AS e
),
-- When each machine stood. A stop without an end lasts until the machine shows otherwise, or until
-- now; what began before the rest counts as well.
stood AS NOT MATERIALIZED (
    SELECT
        m.plant_iot_id,
        m.machine_iot_id,
        range_agg(
            tstzrange(
                a.down_start,
                greatest(
                    a.down_start,
                    CASE
                        WHEN a.is_over THEN a.down_end
                        ELSE least(
                            now(),
                            coalesce(
                                a.down_end, gold.fn_next_sign(a.machine_iot_id, a.down_start)
                            )
                        )
                    END
                )
            )
        ) AS lasted
    FROM machines AS m
    INNER JOIN (
        SELECT d.machine_iot_id, d.down_start, d.down_end, true AS is_over
        FROM silver.machine_downtime AS d
        WHERE d.down_start >= now() - INTERVAL '8 days'
            AND d.down_start >= (SELECT b.since FROM live AS b)
            AND d.down_end < 'infinity'
        UNION ALL
        SELECT d.machine_iot_id, d.down_start, o.down_end, false
        FROM silver.machine_downtime AS d
        LEFT JOIN gold.long_stops AS o
            ON o.machine_iot_id = d.machine_iot_id AND o.down_start = d.down_start AND o.is_open
        WHERE d.down_start >= now() - INTERVAL '8 days'
            AND d.down_start >= (SELECT b.since FROM live AS b)
            AND (d.down_end IS NULL OR d.down_end = 'infinity')
        UNION ALL
        SELECT o.machine_iot_id, o.down_start, o.down_end, o.down_end IS NOT NULL
        FROM gold.long_stops AS o
        WHERE o.down_start < (SELECT b.since FROM live AS b)
            AND coalesce(o.down_end, 'infinity') > (SELECT b.since FROM live AS b)
    ) AS a ON a.machine_iot_id = m.machine_iot_id
    GROUP BY m.plant_iot_id, m.machine_iot_id
)
SELECT
    r.company_iot_id,
    r.plant_iot_id,
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
    bool_or(r.planned_sec IS NULL OR r.downtime_sec > 0) AS is_reported
FROM (
    -- The plan, and how long of it the machine stood. Planned time ends now.
    SELECT
        m.company_iot_id,
        m.plant_iot_id,
        m.machine_iot_id,
        n.logical_date,
        e.shift_id,
        e.shift_name,
        e.planned_sec,
        -- Tomorrow's shifts have not begun.
        CASE WHEN isempty(e.working) THEN 0
            ELSE coalesce(gold.fn_seconds(e.working * s.lasted), 0)
        END AS downtime_sec,
        NULL::bigint AS stops,
        NULL::bigint AS cycles,
        NULL::bigint AS cycles_without_std,
        NULL::bigint AS std_sec,
        NULL::numeric AS run_time_sec,
        NULL::bigint AS parts,
        NULL::bigint AS rejects,
        NULL::bigint AS unpaired_readings
    FROM machines AS m
    INNER JOIN (
        SELECT (now() AT TIME ZONE 'UTC')::date + v.days AS logical_date
        FROM (VALUES (1), (0), (-1), (-2), (-3)) AS v (days)
    ) AS n ON n.logical_date > m.last_date
    CROSS JOIN LATERAL master.fn_planned_shifts(
        m.plant_iot_id, n.logical_date, n.logical_date
    ) AS e
    -- A machine without a plant has no plan.
    LEFT JOIN stood AS s
        ON s.plant_iot_id = m.plant_iot_id AND s.machine_iot_id = m.machine_iot_id
    UNION ALL
    SELECT
        m.company_iot_id,
        m.plant_iot_id,
        m.machine_iot_id,
        w.logical_date,
        w.shift_id,
        w.shift_name,
        NULL,
        NULL,
        w.stops,
        w.cycles,
        w.cycles_without_std,
        w.std_sec,
        w.run_time_sec,
        w.parts,
        w.rejects,
        w.unpaired_readings
    FROM machines AS m
    INNER JOIN (
        SELECT
            d.machine_iot_id,
            d.logical_date,
            d.shift_id,
            max(d.shift_name) AS shift_name,
            count(*) AS stops,
            NULL::bigint AS cycles,
            NULL::bigint AS cycles_without_std,
            NULL::bigint AS std_sec,
            NULL::numeric AS run_time_sec,
            NULL::bigint AS parts,
            NULL::bigint AS rejects,
            NULL::bigint AS unpaired_readings
        FROM silver.machine_downtime AS d
        WHERE d.logical_date BETWEEN (SELECT b.first_date FROM live AS b)
                AND (now() AT TIME ZONE 'UTC')::date + 1
            AND d.down_start >= now() - INTERVAL '8 days'
            AND d.down_start >= (SELECT b.dates_from FROM live AS b)
        GROUP BY d.machine_iot_id, d.logical_date, d.shift_id
        UNION ALL
        SELECT
            c.machine_iot_id,
            c.logical_date,
            c.shift_id,
            max(c.shift_name),
            NULL,
            count(*),
            count(*) FILTER (WHERE c.std_cycle_time IS NULL),
            sum(c.std_cycle_time),
            -- Intervals add up faster than numbers do.
            extract(EPOCH FROM sum(c.cycle_end - c.cycle_start) FILTER (
                WHERE c.cycle_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
            )),
            NULL,
            NULL,
            NULL
        FROM silver.machine_cycles AS c
        WHERE c.logical_date BETWEEN (SELECT b.first_date FROM live AS b)
                AND (now() AT TIME ZONE 'UTC')::date + 1
            AND c.cycle_start >= now() - INTERVAL '8 days'
            AND c.cycle_start >= (SELECT b.dates_from FROM live AS b)
        GROUP BY c.machine_iot_id, c.logical_date, c.shift_id
        UNION ALL
        SELECT
            f.machine_iot_id,
            f.logical_date,
            f.shift_id,
            max(f.shift_name),
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            sum(f.part_count),
            sum(f.rej_count),
            count(*) FILTER (WHERE (f.part_count IS NULL) <> (f.rej_count IS NULL))
        FROM silver.machine_focas AS f
        WHERE f.logical_date BETWEEN (SELECT b.first_date FROM live AS b)
                AND (now() AT TIME ZONE 'UTC')::date + 1
            AND f.event_time >= now() - INTERVAL '8 days'
            AND f.event_time >= (SELECT b.dates_from FROM live AS b)
        GROUP BY f.machine_iot_id, f.logical_date, f.shift_id
    ) AS w ON w.machine_iot_id = m.machine_iot_id
    WHERE w.logical_date > m.last_date
) AS r
GROUP BY r.company_iot_id, r.plant_iot_id, r.machine_iot_id, r.logical_date, r.shift_id;

COMMENT ON VIEW gold.v_recent_machine_shifts IS
    'What each machine did in each shift of business dates that are not rolled up '
    'yet, of the last four days; read through gold.v_machine_shifts';
COMMENT ON COLUMN gold.v_recent_machine_shifts.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.v_recent_machine_shifts.plant_iot_id IS
    'The plant in which the machine stands now; null: none';
COMMENT ON COLUMN gold.v_recent_machine_shifts.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_recent_machine_shifts.logical_date IS
    'Business date: the date, in the plant''s zone, to which the shift belongs';
COMMENT ON COLUMN gold.v_recent_machine_shifts.shift_id IS
    '0: rows that no shift of the plant covers';
COMMENT ON COLUMN gold.v_recent_machine_shifts.shift_name IS
    'Name of the shift; null: it has none, or there is no shift';
COMMENT ON COLUMN gold.v_recent_machine_shifts.planned_sec IS
    'Seconds of the shift without breaks, until now at most; 0 on a day off; null: the plant has '
    'no such shift';
COMMENT ON COLUMN gold.v_recent_machine_shifts.downtime_sec IS
    'Planned seconds in which a stop lasted: a stop that crosses shifts is divided among them, two '
    'at once count once';
COMMENT ON COLUMN gold.v_recent_machine_shifts.stops IS 'Stops that began in the shift';
COMMENT ON COLUMN gold.v_recent_machine_shifts.cycles IS 'Cycles that began in the shift';
COMMENT ON COLUMN gold.v_recent_machine_shifts.cycles_without_std IS
    'Of these, without a standard time';
COMMENT ON COLUMN gold.v_recent_machine_shifts.std_sec IS
    'Seconds: the standard times of the cycles, summed';
COMMENT ON COLUMN gold.v_recent_machine_shifts.run_time_sec IS
    'Seconds from start to end of the cycles that have ended, summed';
COMMENT ON COLUMN gold.v_recent_machine_shifts.parts IS
    'Parts made in the shift; null: no FOCAS row says';
COMMENT ON COLUMN gold.v_recent_machine_shifts.rejects IS
    'Rejected parts of the shift; null: no FOCAS row says';
COMMENT ON COLUMN gold.v_recent_machine_shifts.unpaired_readings IS
    'FOCAS rows with parts and no rejects, or the reverse';
COMMENT ON COLUMN gold.v_recent_machine_shifts.is_reported IS
    'Whether silver has rows of the shift, or a stop lasted in its planned time';

-- @section grants
GRANT SELECT ON gold.v_recent_machine_shifts TO setu_etl, setu_reader;
