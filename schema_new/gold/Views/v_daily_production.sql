-- New: daily_production_stats counts days of UTC, as v1's did. This is the plant's own day.
-- @section view
CREATE VIEW gold.v_daily_production AS
SELECT
    s.logical_date AS day,
    s.company_iot_id,
    s.plant_iot_id,
    s.machine_iot_id,
    s.cycles AS total_cycles,
    s.std_sec::numeric / nullif(s.cycles - s.cycles_without_std, 0) AS avg_std_cycle_time,
    s.run_time_sec AS total_production_time_sec
FROM gold.v_machine_days AS s
WHERE s.cycles > 0;

COMMENT ON VIEW gold.v_daily_production IS
    'Cycles of each machine by business date, the day of the plant''s shifts in its own zone; '
    'gold.daily_production_stats has days of UTC';
COMMENT ON COLUMN gold.v_daily_production.day IS
    'Business date: the date, in the plant''s zone, to which its shifts belong; a night shift '
    'stays whole';
COMMENT ON COLUMN gold.v_daily_production.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.v_daily_production.plant_iot_id IS
    'Its plant when the date ended, or now while the date runs; null: none';
COMMENT ON COLUMN gold.v_daily_production.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_daily_production.total_cycles IS 'Cycles that began on the business date';
COMMENT ON COLUMN gold.v_daily_production.avg_std_cycle_time IS
    'Mean seconds that a cycle should take, over the cycles that have a standard; null: none has';
COMMENT ON COLUMN gold.v_daily_production.total_production_time_sec IS
    'Seconds from start to end of the cycles that have ended, summed';

-- @section grants
GRANT SELECT ON gold.v_daily_production TO setu_reader;
