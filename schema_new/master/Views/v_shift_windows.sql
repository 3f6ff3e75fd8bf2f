-- New: one text for what "covered by a shift" means, shared by the shift functions and by the
-- loads, which join it set-based. Each running shift becomes at most two windows inside one
-- wall-clock day: the part on its logical date, and the part on the day after.
-- @section view
CREATE VIEW master.v_shift_windows AS
SELECT
    s.plant_iot_id,
    s.shift_id,
    s.shift_name,
    0 AS days_back,
    s.start_time AS starts_at,
    CASE WHEN s.to_day = 0 THEN s.end_time ELSE TIME '24:00' END AS ends_before
FROM master.shift_definitions AS s
WHERE s.is_running AND s.from_day = 0
UNION ALL
SELECT
    s.plant_iot_id,
    s.shift_id,
    s.shift_name,
    1 AS days_back,
    CASE WHEN s.from_day = 1 THEN s.start_time ELSE TIME '00:00' END AS starts_at,
    s.end_time AS ends_before
FROM master.shift_definitions AS s
WHERE s.is_running AND s.to_day = 1;

COMMENT ON VIEW master.v_shift_windows IS
    'Running shifts as half-open windows of a wall-clock day; logical date = day - days_back';

-- @section grants
GRANT SELECT ON master.v_shift_windows TO setu_etl, setu_reader;
