-- New: what each machine did on each business date: rolled-up days, and from silver the days that
-- are not rolled up or have late rows.
-- @section view
CREATE VIEW gold.v_machine_days AS
SELECT
    d.company_iot_id,
    d.plant_iot_id,
    d.machine_iot_id,
    d.logical_date,
    d.planned_sec,
    d.downtime_sec,
    d.stops,
    d.cycles,
    d.cycles_without_std,
    d.std_sec,
    d.run_time_sec,
    d.scheduled_cycles,
    d.scheduled_cycles_without_std,
    d.scheduled_std_sec,
    d.parts,
    d.rejects,
    d.unpaired_readings,
    d.availability,
    d.performance,
    d.quality,
    d.oee
FROM gold.machine_days AS d
WHERE NOT EXISTS (
    SELECT 1 FROM gold.fn_days_to_redo() AS k
    WHERE k.machine_iot_id = d.machine_iot_id AND k.logical_date = d.logical_date
)
UNION ALL
SELECT
    t.company_iot_id,
    t.plant_iot_id,
    t.machine_iot_id,
    t.logical_date,
    t.planned_sec,
    t.downtime_sec,
    t.stops,
    t.cycles,
    t.cycles_without_std,
    t.std_sec,
    t.run_time_sec,
    t.scheduled_cycles,
    t.scheduled_cycles_without_std,
    t.scheduled_std_sec,
    t.parts,
    t.rejects,
    t.unpaired_readings,
    f.availability,
    f.performance,
    f.quality,
    f.oee
FROM (
    -- Days that are not over, and those just over. A machine that changed its plant may have been
    -- rolled up with the one that it left.
    SELECT
        r.company_iot_id,
        r.plant_iot_id,
        r.machine_iot_id,
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
    FROM gold.v_recent_machine_days AS r
    WHERE (
            r.logical_date > (SELECT max(l.last_date) FROM gold.rolled_up_dates AS l)
            OR NOT gold.fn_is_rolled_up(r.machine_iot_id, r.logical_date)
        )
        AND NOT EXISTS (
            SELECT 1 FROM master.former_plants AS f
            WHERE f.machine_iot_id = r.machine_iot_id
                AND r.logical_date BETWEEN f.first_date AND f.last_date
        )
    UNION ALL
    SELECT
        s.company_iot_id,
        s.plant_iot_id,
        s.machine_iot_id,
        s.logical_date,
        s.planned_sec,
        s.downtime_sec,
        s.stops,
        s.cycles,
        s.cycles_without_std,
        s.std_sec,
        s.run_time_sec,
        s.scheduled_cycles,
        s.scheduled_cycles_without_std,
        s.scheduled_std_sec,
        s.parts,
        s.rejects,
        s.unpaired_readings
    FROM gold.fn_read_machine_days() AS s
) AS t
CROSS JOIN LATERAL gold.fn_oee_factors(
    t.planned_sec, t.downtime_sec, t.scheduled_cycles, t.scheduled_cycles_without_std,
    t.scheduled_std_sec, t.parts, t.rejects, t.unpaired_readings
) AS f;

COMMENT ON VIEW gold.v_machine_days IS
    'What each machine did on a business date (in its plant''s zone): times in seconds, up to now '
    'while the date runs';
COMMENT ON COLUMN gold.v_machine_days.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.v_machine_days.plant_iot_id IS
    'Its plant when the date ended, or now while the date runs; null: none';
COMMENT ON COLUMN gold.v_machine_days.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_machine_days.logical_date IS
    'Business date: the date, in the plant''s zone, to which its shifts belong';
COMMENT ON COLUMN gold.v_machine_days.planned_sec IS
    'Seconds of the shifts without breaks, until now at most; null: the plant has no shift on that '
    'date';
COMMENT ON COLUMN gold.v_machine_days.downtime_sec IS
    'Planned seconds in which a stop lasted: a stop that crosses dates is divided among them, two '
    'at once count once';
COMMENT ON COLUMN gold.v_machine_days.stops IS 'Stops that began on the date';
COMMENT ON COLUMN gold.v_machine_days.cycles IS 'Cycles that began on the date';
COMMENT ON COLUMN gold.v_machine_days.cycles_without_std IS 'Of these, without a standard time';
COMMENT ON COLUMN gold.v_machine_days.std_sec IS
    'Seconds: the standard times of the cycles, summed';
COMMENT ON COLUMN gold.v_machine_days.run_time_sec IS
    'Seconds from start to end of the cycles that have ended, summed';
COMMENT ON COLUMN gold.v_machine_days.scheduled_cycles IS 'Cycles that began in a shift';
COMMENT ON COLUMN gold.v_machine_days.scheduled_cycles_without_std IS
    'Of these, without a standard time';
COMMENT ON COLUMN gold.v_machine_days.scheduled_std_sec IS
    'Seconds: the standard times of the cycles that began in a shift, summed';
COMMENT ON COLUMN gold.v_machine_days.parts IS 'Parts made on the date; null: no FOCAS row says';
COMMENT ON COLUMN gold.v_machine_days.rejects IS
    'Rejected parts of the date; null: no FOCAS row says';
COMMENT ON COLUMN gold.v_machine_days.unpaired_readings IS
    'FOCAS rows with parts and no rejects, or the reverse';
COMMENT ON COLUMN gold.v_machine_days.availability IS
    '(planned - downtime) / planned; null: no time was planned';
COMMENT ON COLUMN gold.v_machine_days.performance IS
    'Standard seconds of the scheduled cycles / run time; null: no cycles, one without a standard, '
    'or no run time';
COMMENT ON COLUMN gold.v_machine_days.quality IS
    '(parts - rejects) / parts; null: they are not known, or there are no parts';
COMMENT ON COLUMN gold.v_machine_days.oee IS
    'Product of availability, performance and quality; null: one of them is';

-- @section grants
GRANT SELECT ON gold.v_machine_days TO setu_etl, setu_reader;
