-- what: v2's master, rule and alert tables beside v1's, filled
-- why: keys must exist before any row can be migrated; v1 writers and readers notice nothing
-- transaction: yes
-- lock: none
-- down: v2's rows are archived with their keys; v1's tables were never touched
-- @include schema_new/_archive/archive.sql

CREATE SCHEMA _stage;
REVOKE ALL ON SCHEMA _stage FROM PUBLIC;
COMMENT ON SCHEMA _stage IS 'v2 tables that are being filled; the swap moves them to their place';

-- @with master => _stage, config => _stage, alerting => _stage
-- @include schema_new/master/Tables/companies.sql#table
-- @include schema_new/master/Tables/plants.sql#table
-- @include schema_new/master/Tables/device_info.sql#table
-- @include schema_new/master/Tables/machine_info.sql#table
-- @include schema_new/master/Tables/plant_machine_mapping.sql#table
-- @include schema_new/master/Tables/shift_definitions.sql#table
-- @include schema_new/master/Tables/downtime_codes.sql#table
-- @include schema_new/master/Tables/machine_assets.sql#table
-- @include schema_new/master/Tables/production_targets.sql#table
-- @include schema_new/master/Tables/users.sql#table
-- @include schema_new/config/Tables/alert_rules.sql#table
-- @include schema_new/config/Tables/alert_subscriptions.sql#table
-- @include schema_new/alerting/Tables/active_alerts.sql#table

SELECT _archive.restore_in_place(
    '_stage',
    'companies',
    'plants',
    'device_info',
    'machine_info',
    'plant_machine_mapping',
    'shift_definitions',
    'downtime_codes',
    'machine_assets',
    'production_targets',
    'users',
    'alert_rules',
    'alert_subscriptions',
    'active_alerts'
);

-- @include sql/p1_normalization/shared/sync_master.sql

SELECT _stage.sync_master();

-- @include sql/p1_normalization/shared/note_masters.sql
