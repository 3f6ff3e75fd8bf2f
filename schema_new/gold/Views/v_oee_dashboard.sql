-- @section view
CREATE VIEW gold.v_oee_dashboard AS
SELECT
    s.logical_date AS day,
    s.company_iot_id,
    s.machine_iot_id,
    s.planned_sec,
    s.downtime_sec,
    s.planned_sec - s.downtime_sec AS run_sec,
    -- Cycles outside the scheduled time have no share in its run time.
    CASE WHEN s.cycles > 0 THEN s.scheduled_cycles END AS total_cycles,
    CASE WHEN s.unpaired_readings = 0 THEN s.parts END AS total_parts,
    CASE WHEN s.unpaired_readings = 0 THEN s.rejects END AS total_rejects,
    s.availability,
    s.performance,
    s.quality,
    s.oee,
    s.plant_iot_id
FROM gold.v_machine_days AS s
-- A stop outside the scheduled time alone says nothing about the machine.
WHERE s.cycles > 0 OR s.downtime_sec > 0 OR s.unpaired_readings > 0 OR s.parts IS NOT NULL;

COMMENT ON VIEW gold.v_oee_dashboard IS
    'Overall equipment effectiveness per business date (in the plant''s zone) and machine, until '
    'now while the day runs; each factor from data or null';
COMMENT ON COLUMN gold.v_oee_dashboard.day IS
    'Business date: the date, in the plant''s zone, to which its shifts belong; a night shift '
    'stays whole';
COMMENT ON COLUMN gold.v_oee_dashboard.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.v_oee_dashboard.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_oee_dashboard.planned_sec IS
    'Scheduled seconds of the plant''s shifts on that date, without breaks, until now at most; '
    'null: it has none';
COMMENT ON COLUMN gold.v_oee_dashboard.downtime_sec IS 'Seconds of stops within the scheduled time';
COMMENT ON COLUMN gold.v_oee_dashboard.run_sec IS
    'Scheduled seconds without stops; null: nothing is scheduled, as planned_sec says';
COMMENT ON COLUMN gold.v_oee_dashboard.total_cycles IS
    'Cycles that began in a shift of the date; null: none began on the date, in a shift or not';
COMMENT ON COLUMN gold.v_oee_dashboard.total_parts IS
    'Parts made on the date; null: no FOCAS row says, or a row has parts and no rejects, or the '
    'reverse';
COMMENT ON COLUMN gold.v_oee_dashboard.total_rejects IS
    'Rejected parts of the date; null: no FOCAS row says, or a row has parts and no rejects, or '
    'the reverse';
COMMENT ON COLUMN gold.v_oee_dashboard.availability IS
    '(planned - downtime) / planned; null: no time was planned';
COMMENT ON COLUMN gold.v_oee_dashboard.performance IS
    'Standard seconds of the cycles / run time; null: no cycles, one without a standard, or no run '
    'time';
COMMENT ON COLUMN gold.v_oee_dashboard.quality IS
    '(parts - rejects) / parts; null: they are not known, or there are no parts';
COMMENT ON COLUMN gold.v_oee_dashboard.oee IS
    'Product of availability, performance and quality; null: one of them is';
COMMENT ON COLUMN gold.v_oee_dashboard.plant_iot_id IS
    'Its plant when the date ended, or now while the date runs; null: none';

-- @section grants
GRANT SELECT ON gold.v_oee_dashboard TO setu_reader;
