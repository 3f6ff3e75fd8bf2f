-- what: v2's master tables beside v1's, filled, and kept in step by triggers on v1's
-- why: keys must exist before any row can be carried; v1 writers and readers notice nothing
-- transaction: yes
-- lock: SHARE ROW EXCLUSIVE on v1's four master tables, while some thousands of rows are copied
-- down: v2's master rows sleep in _archive with their keys; v1's tables were never touched
-- @include sql/p1_normalization/shared/archive.sql

CREATE SCHEMA _stage;
REVOKE ALL ON SCHEMA _stage FROM PUBLIC;
COMMENT ON SCHEMA _stage IS 'v2 tables that are being filled; the swap moves them to their place';

-- @include schema_new/master/Tables/companies.sql with master => _stage
-- @include schema_new/master/Tables/plants.sql with master => _stage
-- @include schema_new/master/Tables/device_info.sql with master => _stage
-- @include schema_new/master/Tables/machine_info.sql with master => _stage
-- @include schema_new/master/Tables/plant_machine_mapping.sql with master => _stage
-- @include schema_new/master/Tables/shift_definitions.sql with master => _stage

SELECT _archive.wake_instead(
    '_stage',
    'companies', 'plants', 'device_info', 'machine_info', 'plant_machine_mapping', 'shift_definitions'
);

-- The triggers come first: they hold writers off until the commit, so no row slips in between.
-- @include sql/p1_normalization/shared/sync_master.sql

SELECT _stage.sync_master();
