-- New: daily_downtime_stats counts days of UTC, as v1's did. This is the plant's own day.
-- @section view
CREATE VIEW gold.v_daily_downtime AS
SELECT
    s.logical_date AS day,
    s.company_iot_id,
    s.plant_iot_id,
    s.machine_iot_id,
    s.stops AS total_stops,
    s.downtime_sec AS total_downtime_sec
FROM gold.v_machine_days AS s
WHERE s.stops > 0 OR s.downtime_sec > 0;

COMMENT ON VIEW gold.v_daily_downtime IS
    'Stops of each machine by business date, the day of the plant''s shifts in its own zone; '
    'gold.daily_downtime_stats has days of UTC';
COMMENT ON COLUMN gold.v_daily_downtime.day IS
    'Business date: the date, in the plant''s zone, to which its shifts belong; a night shift '
    'stays whole';
COMMENT ON COLUMN gold.v_daily_downtime.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.v_daily_downtime.plant_iot_id IS
    'Its plant when the date ended, or now while the date runs; null: none';
COMMENT ON COLUMN gold.v_daily_downtime.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_daily_downtime.total_stops IS 'Stops that began on the business date';
COMMENT ON COLUMN gold.v_daily_downtime.total_downtime_sec IS
    'Seconds of stops within the shifts of the date: one that crosses dates is divided among them, '
    'one that lasts counts until now';

-- @section grants
GRANT SELECT ON gold.v_daily_downtime TO setu_reader;
