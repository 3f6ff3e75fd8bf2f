-- what: v1's tables, aggregates, code and views take their names back; v2's tables wait in _stage
-- why: v1's tables were kept as they were, so going back is a rename and not a conversion
-- transaction: yes
-- lock: SHARE ROW EXCLUSIVE on v2's silver while late rows are migrated back, then ACCESS EXCLUSIVE for renames
-- down: undone by upgrading again, which finds the same rows under the same keys
-- @include sql/p1_normalization/shared/require_archive.sql
-- @include sql/p1_normalization/shared/to_v1.sql
-- @include sql/p1_normalization/shared/migrate_master_back.sql
-- @include sql/p1_normalization/shared/migrate_back.sql

LOCK TABLE
    silver.machine_cycles,
    silver.machine_downtime,
    silver.machine_status,
    silver.machine_alarms,
    silver.machine_energy,
    silver.machine_focas,
    silver.machine_focas_program_production,
    silver.machine_tool_usage,
    silver.machine_pm_status,
    silver.machine_am_status,
    silver.customer_feedback,
    alerting.history
IN SHARE ROW EXCLUSIVE MODE;

SELECT _archive.migrate_master_back();
-- 0105 migrated back the bulk of it, chunk by chunk; this finds what came after.
SELECT _archive.migrate_back(c.table_name, '-infinity', 'infinity')
FROM _archive.migrated_tables AS c
ORDER BY c.table_name;

SELECT _archive.lock_tables(
    'master.companies', 'master.plants', 'master.device_info', 'master.machine_info',
    'master.plant_machine_mapping', 'master.shift_definitions', 'master.downtime_codes',
    'master.machine_assets', 'master.production_targets', 'master.users', 'config.alert_rules',
    'config.alert_subscriptions', 'alerting.active_alerts', 'alerting.history',
    'silver.machine_cycles', 'silver.machine_downtime', 'silver.machine_status',
    'silver.machine_alarms', 'silver.machine_energy', 'silver.machine_focas',
    'silver.machine_focas_program_production', 'silver.machine_tool_usage',
    'silver.machine_pm_status', 'silver.machine_am_status', 'silver.customer_feedback'
);

DROP TRIGGER shift_definitions_overlap ON master.shift_definitions;
DROP FUNCTION master.fn_refuse_shift_overlap();
-- @include sql/p1_normalization/shared/drop_migrate_back.sql

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

CREATE SCHEMA _stage;
REVOKE ALL ON SCHEMA _stage FROM PUBLIC;
COMMENT ON SCHEMA _stage IS 'v2 tables that are being filled; the swap moves them to their place';

SELECT _archive.move_aggregates(
    'gold', '_stage', ARRAY[
        'hourly_production_stats', 'hourly_downtime_stats', 'hourly_energy_stats',
        'machine_cycle_stats_hourly', 'machine_downtime_hourly', 'machine_energy_hourly',
        'daily_production_stats', 'daily_downtime_stats'
    ]
);
SELECT _archive.move_tables(
    'silver', '_stage', ARRAY[
        'customer_feedback', 'machine_am_status', 'machine_pm_status', 'machine_tool_usage',
        'machine_focas_program_production', 'machine_focas', 'machine_energy', 'machine_alarms',
        'machine_status', 'machine_downtime', 'machine_cycles'
    ]
);
SELECT _archive.move_tables(
    'alerting', '_stage', ARRAY[
        'history', 'active_alerts'
    ]
);
SELECT _archive.move_tables(
    'config', '_stage', ARRAY[
        'alert_subscriptions', 'alert_rules'
    ]
);
SELECT _archive.move_tables(
    'master', '_stage', ARRAY[
        'users', 'production_targets', 'machine_assets', 'downtime_codes', 'shift_definitions',
        'plant_machine_mapping', 'machine_info', 'device_info', 'plants', 'companies'
    ]
);
SELECT _archive.restore_tables(
    '_archive', 'master', ARRAY[
        'companies', 'plants', 'machine_info', 'shifts', 'downtime_codes', 'machine_assets',
        'machine_health_settings', 'production_targets', 'users'
    ]
);
SELECT _archive.restore_tables(
    '_archive', 'config', ARRAY[
        'alert_rules', 'alert_subscriptions'
    ]
);
SELECT _archive.restore_tables(
    '_archive', 'alerting', ARRAY[
        'active_alerts', 'history'
    ]
);
SELECT _archive.restore_tables(
    '_archive', 'silver', ARRAY[
        'machine_cycles', 'machine_downtime', 'machine_status', 'machine_alarms',
        'machine_energy', 'machine_focas', 'machine_tool_usage', 'machine_pm_status',
        'customer_feedback'
    ]
);
SELECT _archive.move_aggregates(
    '_archive', 'gold', ARRAY[
        'hourly_production_stats', 'hourly_downtime_stats', 'hourly_energy_stats',
        'machine_cycle_stats_hourly', 'machine_downtime_hourly', 'machine_energy_hourly',
        'daily_production_stats', 'daily_downtime_stats'
    ]
);

SELECT _archive.restore_code();

-- As after 0106: v1 notes what changes.
-- @include sql/p1_normalization/shared/sync_master.sql
-- @include sql/p1_normalization/shared/note_masters.sql
-- @include sql/p1_normalization/shared/to_v2.sql
-- @include sql/p1_normalization/shared/migrate.sql
-- @include sql/p1_normalization/shared/note_rows.sql
-- @include sql/p1_normalization/shared/backfill.sql
-- @include sql/p1_normalization/shared/fill_gold_tables.sql
-- @include sql/p1_normalization/shared/fill_gold.sql
-- @include sql/p1_normalization/shared/reconcile.sql

SELECT _stage.refresh_maps();

INSERT INTO _stage.backfill_progress (table_name, range_start, range_end, rows_migrated, finished_at)
SELECT t.table_name, c.range_start, c.range_end, 0, clock_timestamp()
FROM _archive.migrated_tables AS t
INNER JOIN timescaledb_information.chunks AS c
    ON c.hypertable_schema = t.schema_name AND c.hypertable_name = t.table_name;
