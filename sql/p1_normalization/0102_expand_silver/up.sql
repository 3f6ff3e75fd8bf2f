-- what: v2's silver and alert history in _stage, and triggers that migrate each new v1 row
-- why: from here on only what is older is left to migrate, and v1 goes on as it was
-- transaction: yes
-- lock: SHARE ROW EXCLUSIVE on v1's silver tables, alerting.history and their chunks, to create triggers
-- down: v2's rows are archived; v1's tables lose the triggers and nothing else
-- @include schema_new/silver/Tables/machine_*.sql#table with silver => _stage
-- @include schema_new/silver/Tables/customer_feedback.sql#table with silver => _stage
-- @include schema_new/silver/Tables/machine_*.sql#hypertable with silver => _stage
-- @include schema_new/silver/Tables/customer_feedback.sql#hypertable with silver => _stage
-- @include schema_new/silver/Tables/machine_*.sql#indexes with silver => _stage
-- @include schema_new/silver/Tables/customer_feedback.sql#indexes with silver => _stage
-- @include schema_new/silver/Tables/machine_*.sql#column_store with silver => _stage
-- @include schema_new/silver/Tables/customer_feedback.sql#column_store with silver => _stage
-- @include schema_new/alerting/Tables/history.sql#table with alerting => _stage, config => _stage, master => _stage
-- @include schema_new/alerting/Tables/history.sql#hypertable with alerting => _stage, config => _stage, master => _stage
-- @include schema_new/alerting/Tables/history.sql#indexes with alerting => _stage, config => _stage, master => _stage

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

-- @include sql/p1_normalization/shared/backfill_tables.sql
-- @include sql/p1_normalization/shared/to_v2.sql
-- @include sql/p1_normalization/shared/migrate.sql

-- The triggers are on and hold writers off until the commit: the rows of these chunks are all that
-- they have not seen.
INSERT INTO _stage.backfill_progress (table_name, range_start, range_end)
SELECT t.table_name, c.range_start, c.range_end
FROM _archive.migrated_tables AS t
INNER JOIN timescaledb_information.chunks AS c
    ON c.hypertable_schema = t.schema_name AND c.hypertable_name = t.table_name;
