-- what: drops gold's views, functions and aggregates of v2
-- why: mirrors the step up; all of it is worked out from silver
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the aggregates, milliseconds
-- down: undone by upgrading again; the aggregates are then filled from silver
-- @include sql/p1_normalization/shared/stop_refreshes.sql
DROP VIEW gold.v_oee_dashboard;
DROP VIEW gold.v_live_machine_status;
-- @community
DROP VIEW gold.v_downtime_dashboard;
-- @community
DROP VIEW gold.v_production_dashboard;
DROP FUNCTION gold.get_home_screen_stats(integer);
-- @community
DROP FUNCTION gold.get_energy_summary(integer, integer, timestamptz, timestamptz);
-- @community
DROP FUNCTION gold.get_downtime_summary(integer, integer, timestamptz, timestamptz);
-- @community
DROP FUNCTION gold.get_cycle_summary(integer, integer, timestamptz, timestamptz);
-- @community
DROP MATERIALIZED VIEW gold.daily_downtime_stats;
-- @community
DROP MATERIALIZED VIEW gold.daily_production_stats;
-- @community
DROP MATERIALIZED VIEW gold.machine_energy_hourly;
-- @community
DROP MATERIALIZED VIEW gold.machine_downtime_hourly;
-- @community
DROP MATERIALIZED VIEW gold.machine_cycle_stats_hourly;
-- @community
DROP MATERIALIZED VIEW gold.hourly_energy_stats;
-- @community
DROP MATERIALIZED VIEW gold.hourly_downtime_stats;
-- @community
DROP MATERIALIZED VIEW gold.hourly_production_stats;
