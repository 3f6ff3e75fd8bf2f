-- New: OEE by shift; stops that cross shifts are divided among them.
-- @section view
CREATE VIEW gold.v_oee_by_shift AS
SELECT
    s.logical_date AS day,
    s.shift_id,
    s.shift_name,
    s.company_iot_id,
    s.plant_iot_id,
    s.machine_iot_id,
    s.planned_sec,
    s.downtime_sec,
    s.planned_sec - s.downtime_sec AS run_sec,
    s.stops AS total_stops,
    s.cycles AS total_cycles,
    CASE WHEN s.unpaired_readings = 0 THEN s.parts END AS total_parts,
    CASE WHEN s.unpaired_readings = 0 THEN s.rejects END AS total_rejects,
    f.availability,
    f.performance,
    f.quality,
    f.oee
FROM gold.v_machine_shifts AS s
CROSS JOIN LATERAL gold.fn_oee_factors(
    s.planned_sec, s.downtime_sec, s.cycles, s.cycles_without_std, s.std_sec, s.parts, s.rejects,
    s.unpaired_readings
) AS f
WHERE s.shift_id <> 0;

COMMENT ON VIEW gold.v_oee_by_shift IS
    'Overall equipment effectiveness per business date (in the plant''s zone), shift and machine, '
    'until now while the shift runs; times in seconds';
COMMENT ON COLUMN gold.v_oee_by_shift.day IS
    'Business date: the date, in the plant''s zone, to which its shifts belong; a night shift '
    'stays whole';
COMMENT ON COLUMN gold.v_oee_by_shift.shift_id IS 'Number of the shift within its plant';
COMMENT ON COLUMN gold.v_oee_by_shift.shift_name IS
    'Name of the shift; null: it has none, or there is no shift';
COMMENT ON COLUMN gold.v_oee_by_shift.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.v_oee_by_shift.plant_iot_id IS
    'Its plant when the date ended, or now while the date runs; null: none';
COMMENT ON COLUMN gold.v_oee_by_shift.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_oee_by_shift.planned_sec IS
    'Seconds of the shift without breaks, until now at most; 0 on a day off; null: the plant has '
    'no such shift';
COMMENT ON COLUMN gold.v_oee_by_shift.downtime_sec IS
    'Planned seconds in which a stop lasted: a stop that crosses shifts is divided among them, two '
    'at once count once';
COMMENT ON COLUMN gold.v_oee_by_shift.run_sec IS
    'Scheduled seconds without stops; null: nothing is scheduled, as planned_sec says';
COMMENT ON COLUMN gold.v_oee_by_shift.total_stops IS 'Stops that began in the shift';
COMMENT ON COLUMN gold.v_oee_by_shift.total_cycles IS 'Cycles that began in the shift';
COMMENT ON COLUMN gold.v_oee_by_shift.total_parts IS
    'Parts made in the shift; null: no FOCAS row says, or a row has parts and no rejects, or the '
    'reverse';
COMMENT ON COLUMN gold.v_oee_by_shift.total_rejects IS
    'Rejected parts of the shift; null: no FOCAS row says, or a row has parts and no rejects, or '
    'the reverse';
COMMENT ON COLUMN gold.v_oee_by_shift.availability IS
    '(planned - downtime) / planned; null: no time was planned';
COMMENT ON COLUMN gold.v_oee_by_shift.performance IS
    'Standard seconds of the cycles / run time; null: no cycles, one without a standard, or no run '
    'time';
COMMENT ON COLUMN gold.v_oee_by_shift.quality IS
    '(parts - rejects) / parts; null: they are not known, or there are no parts';
COMMENT ON COLUMN gold.v_oee_by_shift.oee IS
    'Product of availability, performance and quality; null: one of them is';

-- @section grants
GRANT SELECT ON gold.v_oee_by_shift TO setu_reader;
