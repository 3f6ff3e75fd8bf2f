-- New: as gold.v_recent_machine_shifts, by date: to add up its shifts takes three times as long.
-- @section view
CREATE VIEW gold.v_recent_machine_days AS
WITH live AS (
    SELECT min(coalesce(r.last_date, '-infinity')) AS last_date
    FROM (SELECT x.iot_id FROM master.plants AS x UNION ALL SELECT 0) AS p
    LEFT JOIN gold.rolled_up_dates AS r ON r.plant_iot_id = p.iot_id
)
SELECT
    m.company_iot_id,
    pm.plant_iot_id,
    m.iot_id AS machine_iot_id,
    r.logical_date,
    r.planned_sec,
    r.downtime_sec,
    r.stops,
    r.cycles,
    r.cycles_without_std,
    r.std_sec,
    r.run_time_sec,
    r.scheduled_cycles,
    r.scheduled_cycles_without_std,
    r.scheduled_std_sec,
    r.parts,
    r.rejects,
    r.unpaired_readings
FROM master.machine_info AS m
LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
LEFT JOIN gold.rolled_up_dates AS k ON k.plant_iot_id = coalesce(pm.plant_iot_id, 0)
INNER JOIN (
    SELECT
        u.machine_iot_id,
        u.logical_date,
        sum(u.planned_sec) AS planned_sec,
        coalesce(sum(u.downtime_sec), 0) AS downtime_sec,
        coalesce(sum(u.stops), 0)::bigint AS stops,
        coalesce(sum(u.cycles), 0)::bigint AS cycles,
        coalesce(sum(u.cycles_without_std), 0)::bigint AS cycles_without_std,
        coalesce(sum(u.std_sec), 0)::bigint AS std_sec,
        coalesce(sum(u.run_time_sec), 0) AS run_time_sec,
        coalesce(sum(CASE WHEN u.is_scheduled THEN u.cycles END), 0)::bigint AS scheduled_cycles,
        coalesce(sum(CASE WHEN u.is_scheduled THEN u.cycles_without_std END), 0)::bigint
            AS scheduled_cycles_without_std,
        coalesce(sum(CASE WHEN u.is_scheduled THEN u.std_sec END), 0)::bigint
            AS scheduled_std_sec,
        CASE WHEN sum(u.readings_with_parts) > 0 THEN sum(u.parts)::bigint END AS parts,
        CASE WHEN sum(u.readings_with_rejects) > 0 THEN sum(u.rejects)::bigint END AS rejects,
        coalesce(sum(u.unpaired_readings), 0)::bigint AS unpaired_readings
    FROM (
        SELECT
            p.machine_iot_id,
            e.logical_date,
            e.planned_sec,
            -- Tomorrow's shifts have not begun.
            CASE WHEN isempty(e.working) THEN 0
                ELSE coalesce(gold.fn_seconds(e.working * s.lasted), 0)
            END AS downtime_sec,
            NULL::boolean AS is_scheduled,
            NULL::bigint AS stops,
            NULL::bigint AS cycles,
            NULL::bigint AS cycles_without_std,
            NULL::bigint AS std_sec,
            NULL::numeric AS run_time_sec,
            NULL::bigint AS readings,
            NULL::bigint AS parts,
            NULL::bigint AS readings_with_parts,
            NULL::bigint AS rejects,
            NULL::bigint AS readings_with_rejects,
            NULL::bigint AS unpaired_readings
        FROM master.plant_machine_mapping AS p
        LEFT JOIN gold.rolled_up_dates AS d ON d.plant_iot_id = p.plant_iot_id
        CROSS JOIN LATERAL master.fn_planned_dates(
            p.plant_iot_id,
            greatest(d.last_date + 1, (now() AT TIME ZONE 'UTC')::date - 3),
            (now() AT TIME ZONE 'UTC')::date + 1
        ) AS e
        LEFT JOIN gold.v_recent_stops AS s ON s.machine_iot_id = p.machine_iot_id
        UNION ALL
        SELECT
            c.machine_iot_id,
            c.logical_date,
            NULL,
            NULL,
            c.shift_id <> 0,
            c.stops,
            c.cycles,
            c.cycles_without_std,
            c.std_sec,
            c.run_time_sec,
            c.readings,
            c.parts,
            c.readings_with_parts,
            c.rejects,
            c.readings_with_rejects,
            c.unpaired_readings
        FROM gold.running_shifts AS c
        WHERE c.logical_date BETWEEN (now() AT TIME ZONE 'UTC')::date - 3
                AND (now() AT TIME ZONE 'UTC')::date + 1
            AND c.logical_date > (SELECT b.last_date FROM live AS b)
    ) AS u
    GROUP BY u.machine_iot_id, u.logical_date
    HAVING sum(u.downtime_sec) > 0 OR sum(u.stops + u.cycles + u.readings) > 0
) AS r ON r.machine_iot_id = m.iot_id
WHERE r.logical_date > coalesce(k.last_date, '-infinity');

COMMENT ON VIEW gold.v_recent_machine_days IS
    'What each machine did on each of the business dates of the last four days that are not rolled '
    'up yet; read through gold.v_machine_days';
COMMENT ON COLUMN gold.v_recent_machine_days.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.v_recent_machine_days.plant_iot_id IS
    'The plant in which the machine stands now; null: none';
COMMENT ON COLUMN gold.v_recent_machine_days.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_recent_machine_days.logical_date IS
    'Business date: the date, in the plant''s zone, to which its shifts belong';
COMMENT ON COLUMN gold.v_recent_machine_days.planned_sec IS
    'Seconds of the shifts without breaks, until now at most; null: the plant has no shift on that '
    'date';
COMMENT ON COLUMN gold.v_recent_machine_days.downtime_sec IS
    'Planned seconds in which a stop lasted: a stop that crosses dates is divided among them, two '
    'at once count once';
COMMENT ON COLUMN gold.v_recent_machine_days.stops IS 'Stops that began on the date';
COMMENT ON COLUMN gold.v_recent_machine_days.cycles IS 'Cycles that began on the date';
COMMENT ON COLUMN gold.v_recent_machine_days.cycles_without_std IS
    'Of these, without a standard time';
COMMENT ON COLUMN gold.v_recent_machine_days.std_sec IS
    'Seconds: the standard times of the cycles, summed';
COMMENT ON COLUMN gold.v_recent_machine_days.run_time_sec IS
    'Seconds from start to end of the cycles that have ended, summed';
COMMENT ON COLUMN gold.v_recent_machine_days.scheduled_cycles IS 'Cycles that began in a shift';
COMMENT ON COLUMN gold.v_recent_machine_days.scheduled_cycles_without_std IS
    'Of these, without a standard time';
COMMENT ON COLUMN gold.v_recent_machine_days.scheduled_std_sec IS
    'Seconds: the standard times of the cycles that began in a shift, summed';
COMMENT ON COLUMN gold.v_recent_machine_days.parts IS
    'Parts made on the date; null: no FOCAS row says';
COMMENT ON COLUMN gold.v_recent_machine_days.rejects IS
    'Rejected parts of the date; null: no FOCAS row says';
COMMENT ON COLUMN gold.v_recent_machine_days.unpaired_readings IS
    'FOCAS rows with parts and no rejects, or the reverse';

-- @section grants
GRANT SELECT ON gold.v_recent_machine_days TO setu_etl, setu_reader;
