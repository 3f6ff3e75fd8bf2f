-- what: v2's aggregates are archived
-- why: v1 has gold of its own; v2's is computed from silver, and is kept to save computing it again
-- transaction: yes
-- lock: none that other sessions need
-- down: undone by upgrading again, which restores them with their data
SELECT _archive.archive_aggregates('_stage', ARRAY[
    'hourly_production_stats', 'hourly_downtime_stats', 'hourly_energy_stats',
    'machine_cycle_stats_hourly', 'machine_downtime_hourly', 'machine_energy_hourly',
    'daily_production_stats', 'daily_downtime_stats'
]);
