-- New: what each machine did in each shift of the business dates that are not over, or just over,
-- all machines at once: a look at each machine by itself takes three times as long.
-- @section view
CREATE VIEW gold.v_recent_machine_shifts AS
SELECT
    m.company_iot_id,
    pm.plant_iot_id,
    m.iot_id AS machine_iot_id,
    r.logical_date,
    r.shift_id,
    r.shift_name,
    r.planned_sec,
    r.downtime_sec,
    r.stops,
    r.cycles,
    r.cycles_without_std,
    r.std_sec,
    r.run_time_sec,
    r.parts,
    r.rejects,
    r.unpaired_readings,
    r.is_reported
FROM master.machine_info AS m
LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
LEFT JOIN gold.rolled_up_dates AS k ON k.plant_iot_id = coalesce(pm.plant_iot_id, 0)
INNER JOIN (
    SELECT
        u.machine_iot_id,
        u.logical_date,
        u.shift_id,
        max(u.shift_name) AS shift_name,
        sum(u.planned_sec) AS planned_sec,
        coalesce(sum(u.downtime_sec), 0) AS downtime_sec,
        coalesce(sum(u.stops), 0)::bigint AS stops,
        coalesce(sum(u.cycles), 0)::bigint AS cycles,
        coalesce(sum(u.cycles_without_std), 0)::bigint AS cycles_without_std,
        coalesce(sum(u.std_sec), 0)::bigint AS std_sec,
        coalesce(sum(u.run_time_sec), 0) AS run_time_sec,
        sum(u.parts)::bigint AS parts,
        sum(u.rejects)::bigint AS rejects,
        coalesce(sum(u.unpaired_readings), 0)::bigint AS unpaired_readings,
        bool_or(u.planned_sec IS NULL OR u.downtime_sec > 0) AS is_reported
    FROM (
        -- The plan, and how long of it the machine stood. Planned time ends now. A machine without
        -- a plant has no plan.
        SELECT
            p.machine_iot_id,
            e.logical_date,
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
        FROM master.plant_machine_mapping AS p
        CROSS JOIN LATERAL (
            -- Once a plant, as in gold.v_recent_machine_days.
            SELECT x.logical_date, x.shift_id, x.shift_name, x.working, x.planned_sec
            FROM master.fn_planned_shifts(
                p.plant_iot_id,
                greatest(
                    (
                        SELECT d.last_date + 1 FROM gold.rolled_up_dates AS d
                        WHERE d.plant_iot_id = p.plant_iot_id
                    ),
                    (now() AT TIME ZONE 'UTC')::date - 3
                ),
                (now() AT TIME ZONE 'UTC')::date + 1
            ) AS x
            OFFSET 0
        ) AS e
        LEFT JOIN gold.v_recent_stops AS s ON s.machine_iot_id = p.machine_iot_id
        UNION ALL
        SELECT
            c.machine_iot_id,
            c.logical_date,
            c.shift_id,
            c.shift_name,
            NULL,
            NULL,
            sum(c.stops)::bigint,
            sum(c.cycles)::bigint,
            sum(c.cycles_without_std)::bigint,
            sum(c.std_sec)::bigint,
            sum(c.run_time_sec),
            CASE WHEN sum(c.readings_with_parts) > 0 THEN sum(c.parts)::bigint END,
            CASE WHEN sum(c.readings_with_rejects) > 0 THEN sum(c.rejects)::bigint END,
            sum(c.unpaired_readings)::bigint
        FROM gold.running_shifts AS c
        WHERE c.logical_date BETWEEN (now() AT TIME ZONE 'UTC')::date - 3
                AND (now() AT TIME ZONE 'UTC')::date + 1
            AND c.logical_date > (SELECT gold.fn_rolled_up_everywhere())
        GROUP BY c.machine_iot_id, c.logical_date, c.shift_id, c.shift_name
        HAVING sum(c.stops + c.cycles + c.readings) > 0
    ) AS u
    GROUP BY u.machine_iot_id, u.logical_date, u.shift_id
) AS r ON r.machine_iot_id = m.iot_id
WHERE r.logical_date > coalesce(k.last_date, '-infinity');

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
