-- New: the older machine days that reports read from silver, date by date, until the action has
-- processed them. Nearly always there are none.
-- @section view
CREATE VIEW gold.v_machine_shifts_to_read AS
-- Not rolled up yet.
SELECT
    s.company_iot_id,
    p.plant_iot_id,
    s.machine_iot_id,
    d.day AS logical_date,
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
FROM gold.fn_unread_plants() AS p
CROSS JOIN LATERAL gold.fn_unread_dates(p.first_done, p.last_done) AS d (day)
CROSS JOIN LATERAL gold.fn_read_plant_date(p.machines, p.plant_iot_id, d.day, false) AS s
UNION ALL
-- Rolled up before a late row came; or just over, and the machine has moved since.
SELECT
    s.company_iot_id,
    g.plant_iot_id,
    s.machine_iot_id,
    g.logical_date,
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
FROM gold.fn_days_to_read() AS g
CROSS JOIN LATERAL gold.fn_read_plant_date(
    g.machines, g.plant_iot_id, g.logical_date, true
) AS s;

COMMENT ON VIEW gold.v_machine_shifts_to_read IS
    'What each machine did in each shift of older business dates that are not rolled up, or '
    'changed since; read through gold.v_machine_shifts and gold.v_machine_days';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.plant_iot_id IS
    'Its plant when the date ended, or now while the date runs; null: none';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.logical_date IS
    'Business date: the date, in the plant''s zone, to which the shift belongs';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.shift_id IS
    '0: rows that no shift of the plant covers';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.shift_name IS
    'Name of the shift; null: it has none, or there is no shift';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.planned_sec IS
    'Seconds of the shift without breaks, until now at most; 0 on a day off; null: the plant has '
    'no such shift';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.downtime_sec IS
    'Planned seconds in which a stop lasted: a stop that crosses shifts is divided among them, two '
    'at once count once';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.stops IS 'Stops that began in the shift';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.cycles IS 'Cycles that began in the shift';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.cycles_without_std IS
    'Of these, without a standard time';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.std_sec IS
    'Seconds: the standard times of the cycles, summed';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.run_time_sec IS
    'Seconds from start to end of the cycles that have ended, summed';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.parts IS
    'Parts made in the shift; null: no FOCAS row says';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.rejects IS
    'Rejected parts of the shift; null: no FOCAS row says';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.unpaired_readings IS
    'FOCAS rows with parts and no rejects, or the reverse';
COMMENT ON COLUMN gold.v_machine_shifts_to_read.is_reported IS
    'Whether silver has rows of the shift, or a stop lasted in its planned time';

-- @section grants
GRANT SELECT ON gold.v_machine_shifts_to_read TO setu_etl, setu_reader;
