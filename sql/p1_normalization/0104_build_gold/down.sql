-- what: v2's aggregates, rolled-up shifts and shift calendar are archived
-- why: v1 has gold of its own; v2's is computed from silver, and is kept to save computing it again
-- transaction: yes
-- lock: none that other sessions need
-- loses: the roll-up's notes on its work; the next upgrade computes them again
-- down: undone by upgrading again, which restores them with their data
SELECT _archive.archive_aggregates('_stage', ARRAY[
    'hourly_production_stats', 'hourly_downtime_stats', 'hourly_energy_stats',
    'machine_cycle_stats_hourly', 'machine_downtime_hourly', 'machine_energy_hourly',
    'daily_production_stats', 'daily_downtime_stats'
]);

-- @include sql/p1_normalization/shared/drop_roll_up.sql

-- What is rolled up holds until v1 changes it: dates that are over, before all changes that are
-- noted.
DELETE FROM _archive.kept_roll_up;
INSERT INTO _archive.kept_roll_up (plant_iot_id, first_date, last_date)
SELECT r.plant_iot_id, r.first_date, least(r.last_date, u.last_date)
FROM _stage.rolled_up_dates AS r
CROSS JOIN (
    SELECT least(
        (now() AT TIME ZONE 'UTC')::date - 4,
        (SELECT min(s.logical_date) - 1 FROM _stage.stale_machine_days AS s)
    ) AS last_date
) AS u
WHERE r.first_date <= u.last_date;

DROP TABLE _stage.stale_machine_days;
DROP TABLE _stage.running_shifts;
DROP TABLE _stage.rolled_up_dates;
DROP TABLE _stage.rolled_up_chunks;
DROP TABLE _stage.long_stops;
SELECT _archive.archive_table('_stage.machine_days', 'v2_machine_days');
SELECT _archive.archive_table('_stage.machine_shifts', 'v2_machine_shifts');
SELECT _archive.archive_table('_stage.former_plants', 'v2_former_plants');
SELECT _archive.archive_table('_stage.plant_days_off', 'v2_plant_days_off');
SELECT _archive.archive_table('_stage.shift_breaks', 'v2_shift_breaks');
SELECT _archive.archive_table('_stage.shift_calendar_extents', 'v2_shift_calendar_extents');
SELECT _archive.archive_table('_stage.shift_calendar', 'v2_shift_calendar');
