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
    f.run_sec,
    s.stops AS total_stops,
    s.cycles AS total_cycles,
    f.parts AS total_parts,
    f.rejects AS total_rejects,
    f.availability,
    f.performance,
    f.quality,
    f.availability * f.performance * f.quality AS oee
FROM gold.v_machine_shifts AS s
CROSS JOIN LATERAL (
    SELECT
        s.planned_sec - s.downtime_sec AS run_sec,
        CASE WHEN s.unpaired_readings = 0 THEN s.parts END AS parts,
        CASE WHEN s.unpaired_readings = 0 THEN s.rejects END AS rejects,
        (s.planned_sec - s.downtime_sec) / nullif(s.planned_sec, 0) AS availability,
        CASE WHEN s.cycles > 0 AND s.cycles_without_std = 0 THEN s.std_sec END
            / nullif(s.planned_sec - s.downtime_sec, 0) AS performance,
        CASE
            WHEN s.unpaired_readings = 0 THEN (s.parts - s.rejects)::numeric / nullif(s.parts, 0)
        END
            AS quality
) AS f
WHERE s.shift_id <> 0;

COMMENT ON VIEW gold.v_oee_by_shift IS
    'Overall equipment effectiveness per business date (in the plant''s zone), shift and machine, '
    'until now while the shift runs; times in seconds';
COMMENT ON COLUMN gold.v_oee_by_shift.downtime_sec IS
    'Seconds of stops within the shift: a stop that crosses shifts is divided among them';
COMMENT ON COLUMN gold.v_oee_by_shift.total_stops IS 'Stops that began in the shift';

-- @section grants
GRANT SELECT ON gold.v_oee_by_shift TO setu_reader;
