-- New: as gold.v_recent_machine_shifts, by date: to add up its shifts takes three times as long.
-- @section view
CREATE VIEW gold.v_recent_machine_days AS
SELECT
    m.company_iot_id,
    pm.plant_iot_id,
    m.iot_id AS machine_iot_id,
    e.logical_date,
    e.planned_sec,
    CASE WHEN e.working && s.lasted THEN gold.fn_seconds(e.working * s.lasted) ELSE 0 END
        AS downtime_sec,
    coalesce(c.stops, 0) AS stops,
    coalesce(c.cycles, 0) AS cycles,
    coalesce(c.cycles_without_std, 0) AS cycles_without_std,
    coalesce(c.std_sec, 0) AS std_sec,
    coalesce(c.run_time_sec, 0) AS run_time_sec,
    coalesce(c.scheduled_cycles, 0) AS scheduled_cycles,
    coalesce(c.scheduled_cycles_without_std, 0) AS scheduled_cycles_without_std,
    coalesce(c.scheduled_std_sec, 0) AS scheduled_std_sec,
    c.parts,
    c.rejects,
    coalesce(c.unpaired_readings, 0) AS unpaired_readings
FROM master.machine_info AS m
LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
CROSS JOIN LATERAL (
    -- Once a plant: the planner remembers answers of a subquery, where it takes it that a function
    -- costs nothing to ask again.
    SELECT x.logical_date, x.working, x.planned_sec
    FROM gold.fn_running_dates(pm.plant_iot_id) AS x
    OFFSET 0
) AS e
LEFT JOIN gold.v_recent_stops AS s ON s.machine_iot_id = m.iot_id
LEFT JOIN (
    SELECT
        r.machine_iot_id,
        r.logical_date,
        sum(r.stops)::bigint AS stops,
        sum(r.cycles)::bigint AS cycles,
        sum(r.cycles_without_std)::bigint AS cycles_without_std,
        sum(r.std_sec)::bigint AS std_sec,
        sum(r.run_time_sec) AS run_time_sec,
        sum(CASE WHEN r.shift_id <> 0 THEN r.cycles END)::bigint AS scheduled_cycles,
        sum(CASE WHEN r.shift_id <> 0 THEN r.cycles_without_std END)::bigint
            AS scheduled_cycles_without_std,
        sum(CASE WHEN r.shift_id <> 0 THEN r.std_sec END)::bigint AS scheduled_std_sec,
        CASE WHEN sum(r.readings_with_parts) > 0 THEN sum(r.parts)::bigint END AS parts,
        CASE WHEN sum(r.readings_with_rejects) > 0 THEN sum(r.rejects)::bigint END AS rejects,
        sum(r.unpaired_readings)::bigint AS unpaired_readings
    FROM gold.running_shifts AS r
    -- Not the bare column: statistics do not know today, so that the planner would expect no rows,
    -- and look through all of them for each machine.
    WHERE r.logical_date + 0 > (SELECT gold.fn_rolled_up_everywhere())
    GROUP BY r.machine_iot_id, r.logical_date
    HAVING sum(r.stops + r.cycles + r.readings) > 0
) AS c ON c.machine_iot_id = m.iot_id AND c.logical_date = e.logical_date
-- Tomorrow's shifts have not begun.
WHERE c.machine_iot_id IS NOT NULL OR e.working && s.lasted;

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
