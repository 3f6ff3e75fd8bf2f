-- what: v2's silver and alert history in _stage, and all that migrates rows to it
-- why: v2's tables are filled while v1 goes on as it was
-- transaction: yes
-- lock: none
-- down: v2's rows are archived
-- @with silver => _stage, alerting => _stage, config => _stage, master => _stage
-- @include schema_new/silver/Tables/machine_*.sql#table
-- @include schema_new/silver/Tables/customer_feedback.sql#table
-- @include schema_new/silver/Tables/machine_*.sql#hypertable
-- @include schema_new/silver/Tables/customer_feedback.sql#hypertable
-- @include schema_new/silver/Tables/machine_*.sql#indexes
-- @include schema_new/silver/Tables/customer_feedback.sql#indexes
-- @include schema_new/silver/Tables/machine_*.sql#column_store
-- @include schema_new/silver/Tables/customer_feedback.sql#column_store
-- @include schema_new/alerting/Tables/history.sql#table
-- @include schema_new/alerting/Tables/history.sql#hypertable
-- @include schema_new/alerting/Tables/history.sql#indexes

SELECT _archive.restore_in_place(
    '_stage',
    'machine_cycles',
    'machine_downtime',
    'machine_status',
    'machine_alarms',
    'machine_energy',
    'machine_focas',
    'machine_focas_program_production',
    'machine_tool_usage',
    'machine_pm_status',
    'machine_am_status',
    'customer_feedback',
    'history'
);

-- @include sql/p1_normalization/shared/to_v2.sql
-- @include sql/p1_normalization/shared/migrate.sql
-- @include sql/p1_normalization/shared/note_rows.sql
-- @include sql/p1_normalization/shared/follow_chunks.sql
-- @include sql/p1_normalization/shared/watch.sql
-- @include sql/p1_normalization/shared/backfill.sql

SELECT _stage.refresh_maps();
