-- what: v2's continuous aggregates in _stage, over v2's silver, empty
-- why: gold is built beside v1's and changes with it in the swap, so that dashboards never miss it
-- transaction: yes
-- lock: none that other sessions need
-- down: the aggregates are archived with their data
-- @with gold => _stage, silver => _stage
-- @include schema_new/gold/Continuous Aggregates/*.sql#aggregate

SELECT _archive.restore_aggregates('_stage', ARRAY[
    'hourly_production_stats', 'hourly_downtime_stats', 'hourly_energy_stats',
    'machine_cycle_stats_hourly', 'machine_downtime_hourly', 'machine_energy_hourly',
    'daily_production_stats', 'daily_downtime_stats'
]);
