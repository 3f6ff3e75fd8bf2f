-- what: v2's aggregates are archived
-- why: v1 has gold of its own; all of it is worked out from silver, and need not be worked out again
-- transaction: yes
-- lock: none that anybody else wants
-- down: undone by upgrading again, which restores them with their data
SELECT _archive.archive_aggregates('_stage', ARRAY[
    'hourly_production_stats', 'hourly_downtime_stats', 'hourly_energy_stats',
    'machine_cycle_stats_hourly', 'machine_downtime_hourly', 'machine_energy_hourly',
    'daily_production_stats', 'daily_downtime_stats'
]);
