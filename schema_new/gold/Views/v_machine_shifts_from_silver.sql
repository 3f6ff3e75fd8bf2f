-- New: the machine days that are not rolled up, or have changed since, from counts or silver.
-- @section view
CREATE VIEW gold.v_machine_shifts_from_silver AS
SELECT
    w.company_iot_id,
    w.plant_iot_id,
    w.machine_iot_id,
    w.logical_date,
    w.shift_id,
    w.shift_name,
    w.planned_sec,
    w.downtime_sec,
    w.stops,
    w.cycles,
    w.cycles_without_std,
    w.std_sec,
    w.run_time_sec,
    w.parts,
    w.rejects,
    w.unpaired_readings
FROM (
    SELECT
        u.company_iot_id,
        u.plant_iot_id,
        u.machine_iot_id,
        u.logical_date,
        u.shift_id,
        u.shift_name,
        u.planned_sec,
        u.downtime_sec,
        u.stops,
        u.cycles,
        u.cycles_without_std,
        u.std_sec,
        u.run_time_sec,
        u.parts,
        u.rejects,
        u.unpaired_readings,
        -- A day without reports has no row.
        bool_or(u.is_reported) OVER (
            PARTITION BY u.company_iot_id, u.plant_iot_id, u.machine_iot_id, u.logical_date
        ) AS day_is_reported
    FROM (
        -- Days that are not over, and those just over. A machine that changed its plant may have
        -- been rolled up with the one that it left.
        SELECT
            s.company_iot_id,
            s.plant_iot_id,
            s.machine_iot_id,
            s.logical_date,
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
        FROM gold.v_recent_machine_shifts AS s
        WHERE (
                s.logical_date > (SELECT max(l.last_date) FROM gold.rolled_up_dates AS l)
                OR NOT gold.fn_is_rolled_up(s.machine_iot_id, s.logical_date)
            )
            AND NOT EXISTS (
                SELECT 1 FROM master.former_plants AS f
                WHERE f.machine_iot_id = s.machine_iot_id
                    AND s.logical_date BETWEEN f.first_date AND f.last_date
            )
        UNION ALL
        SELECT
            o.company_iot_id,
            o.plant_iot_id,
            o.machine_iot_id,
            o.logical_date,
            o.shift_id,
            o.shift_name,
            o.planned_sec,
            o.downtime_sec,
            o.stops,
            o.cycles,
            o.cycles_without_std,
            o.std_sec,
            o.run_time_sec,
            o.parts,
            o.rejects,
            o.unpaired_readings,
            o.is_reported
        FROM gold.v_machine_shifts_to_read AS o
    ) AS u
) AS w
WHERE w.day_is_reported;

COMMENT ON VIEW gold.v_machine_shifts_from_silver IS
    'What each machine did in each shift of business dates that are not rolled up, or changed '
    'since; read through gold.v_machine_shifts and gold.v_machine_days';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.plant_iot_id IS
    'Its plant when the date ended, or now while the date runs; null: none';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.logical_date IS
    'Business date: the date, in the plant''s zone, to which the shift belongs';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.shift_id IS
    '0: rows that no shift of the plant covers';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.shift_name IS
    'Name of the shift; null: it has none, or there is no shift';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.planned_sec IS
    'Seconds of the shift without breaks, until now at most; 0 on a day off; null: the plant has '
    'no such shift';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.downtime_sec IS
    'Planned seconds in which a stop lasted: a stop that crosses shifts is divided among them, two '
    'at once count once';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.stops IS 'Stops that began in the shift';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.cycles IS 'Cycles that began in the shift';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.cycles_without_std IS
    'Of these, without a standard time';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.std_sec IS
    'Seconds: the standard times of the cycles, summed';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.run_time_sec IS
    'Seconds from start to end of the cycles that have ended, summed';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.parts IS
    'Parts made in the shift; null: no FOCAS row says';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.rejects IS
    'Rejected parts of the shift; null: no FOCAS row says';
COMMENT ON COLUMN gold.v_machine_shifts_from_silver.unpaired_readings IS
    'FOCAS rows with parts and no rejects, or the reverse';

-- @section grants
GRANT SELECT ON gold.v_machine_shifts_from_silver TO setu_etl, setu_reader;
