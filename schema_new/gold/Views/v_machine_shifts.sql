-- New: what each machine did in each shift: rolled-up days, and from silver the days that are not
-- rolled up or have late rows.
-- @section view
CREATE VIEW gold.v_machine_shifts AS
SELECT
    r.company_iot_id,
    r.plant_iot_id,
    r.machine_iot_id,
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
    r.unpaired_readings
FROM gold.machine_shifts AS r
WHERE NOT EXISTS (
    SELECT 1 FROM gold.fn_days_to_redo() AS k
    WHERE k.machine_iot_id = r.machine_iot_id AND k.logical_date = r.logical_date
)
UNION ALL
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
    s.unpaired_readings
FROM gold.v_machine_shifts_from_silver AS s;

COMMENT ON VIEW gold.v_machine_shifts IS
    'What each machine did in each shift of a business date (in its plant''s zone): times in '
    'seconds, up to now while the shift runs';
COMMENT ON COLUMN gold.v_machine_shifts.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.v_machine_shifts.plant_iot_id IS
    'Its plant when the date ended, or now while the date runs; null: none';
COMMENT ON COLUMN gold.v_machine_shifts.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_machine_shifts.logical_date IS
    'Business date: the date, in the plant''s zone, to which the shift belongs';
COMMENT ON COLUMN gold.v_machine_shifts.shift_id IS '0: rows that no shift of the plant covers';
COMMENT ON COLUMN gold.v_machine_shifts.shift_name IS
    'Name of the shift; null: it has none, or there is no shift';
COMMENT ON COLUMN gold.v_machine_shifts.planned_sec IS
    'Seconds of the shift without breaks, until now at most; 0 on a day off; null: the plant has '
    'no such shift';
COMMENT ON COLUMN gold.v_machine_shifts.downtime_sec IS
    'Planned seconds in which a stop lasted: a stop that crosses shifts is divided among them, two '
    'at once count once';
COMMENT ON COLUMN gold.v_machine_shifts.stops IS 'Stops that began in the shift';
COMMENT ON COLUMN gold.v_machine_shifts.cycles IS 'Cycles that began in the shift';
COMMENT ON COLUMN gold.v_machine_shifts.cycles_without_std IS 'Of these, without a standard time';
COMMENT ON COLUMN gold.v_machine_shifts.std_sec IS
    'Seconds: the standard times of the cycles, summed';
COMMENT ON COLUMN gold.v_machine_shifts.run_time_sec IS
    'Seconds from start to end of the cycles that have ended, summed';
COMMENT ON COLUMN gold.v_machine_shifts.parts IS 'Parts made in the shift; null: no FOCAS row says';
COMMENT ON COLUMN gold.v_machine_shifts.rejects IS
    'Rejected parts of the shift; null: no FOCAS row says';
COMMENT ON COLUMN gold.v_machine_shifts.unpaired_readings IS
    'FOCAS rows with parts and no rejects, or the reverse';

-- @section grants
GRANT SELECT ON gold.v_machine_shifts TO setu_etl, setu_reader;
