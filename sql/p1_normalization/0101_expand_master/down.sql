-- what: v2's master, rule and alert tables are archived
-- why: v1 alone is left; the keys stay in _archive so that another upgrade gives the same ones
-- transaction: yes
-- lock: none that other sessions need
-- down: undone by upgrading again, which restores the same rows with the same keys
-- @include sql/p1_normalization/shared/drop_note_masters.sql
-- @include sql/p1_normalization/shared/drop_sync.sql

SELECT _archive.archive_table('_stage.active_alerts', 'v2_active_alerts');
SELECT _archive.archive_table('_stage.alert_subscriptions', 'v2_alert_subscriptions');
SELECT _archive.archive_table('_stage.alert_rules', 'v2_alert_rules');
SELECT _archive.archive_table('_stage.users', 'v2_users');
SELECT _archive.archive_table('_stage.production_targets', 'v2_production_targets');
SELECT _archive.archive_table('_stage.machine_assets', 'v2_machine_assets');
SELECT _archive.archive_table('_stage.downtime_codes', 'v2_downtime_codes');
SELECT _archive.archive_table('_stage.shift_definitions', 'v2_shift_definitions');
SELECT _archive.archive_table('_stage.plant_machine_mapping', 'v2_plant_machine_mapping');
SELECT _archive.archive_table('_stage.machine_info', 'v2_machine_info');
SELECT _archive.archive_table('_stage.device_info', 'v2_device_info');
SELECT _archive.archive_table('_stage.plants', 'v2_plants');
SELECT _archive.archive_table('_stage.companies', 'v2_companies');

DROP SCHEMA _stage;
