-- what: v2's silver and alert history in _stage; v1's tables note which rows change
-- why: from here on only what is older is left to migrate, and v1 goes on as it was
-- transaction: yes
-- lock: SHARE ROW EXCLUSIVE on v1's silver tables and alerting.history, to create triggers: milliseconds
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

-- @include sql/p1_normalization/shared/to_v2.sql
-- @include sql/p1_normalization/shared/migrate.sql

SELECT _stage.refresh_maps();

-- @include sql/p1_normalization/shared/note_rows.sql

-- Notes that an earlier downgrade left.
INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
SELECT n.table_name, n.company_id, n.machine_id, n.at, n.inserted FROM _archive.noted_rows AS n;
DELETE FROM _archive.noted_rows;
