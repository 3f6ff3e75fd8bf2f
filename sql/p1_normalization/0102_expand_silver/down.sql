-- what: v2's silver and alert history archived, the triggers off v1's
-- why: v1 alone is left; another upgrade restores the same rows and migrates only what is new
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on v1's silver tables and alerting.history, to drop triggers
-- down: undone by upgrading again
SELECT _archive.lock_tables(
    'silver.machine_status',
    'silver.machine_cycles',
    'silver.machine_downtime',
    'silver.machine_alarms',
    'silver.machine_energy',
    'silver.machine_focas',
    'silver.machine_tool_usage',
    'silver.machine_pm_status',
    'silver.customer_feedback',
    'alerting.history'
);

-- Nobody writes now: what v1 changes from here on, a transaction writes that runs now or comes later.
DELETE FROM _archive.migrated_until;
INSERT INTO _archive.migrated_until (oldest_running)
SELECT pg_snapshot_xmin(pg_current_snapshot());
INSERT INTO _archive.noted_rows (table_name, company_id, machine_id, at, inserted)
SELECT n.table_name, n.company_id, n.machine_id, n.at, n.inserted FROM _stage.noted_rows AS n
UNION ALL
SELECT f.table_name, f.company_id, f.machine_id, f.event_time, false FROM _stage.migrate_failures AS f;

-- @include sql/p1_normalization/shared/drop_note_rows.sql

-- @include sql/p1_normalization/shared/drop_migrate.sql

SELECT _archive.archive_table('_stage.history', 'v2_history');
SELECT _archive.archive_table('_stage.customer_feedback', 'v2_customer_feedback');
SELECT _archive.archive_table('_stage.machine_am_status', 'v2_machine_am_status');
SELECT _archive.archive_table('_stage.machine_pm_status', 'v2_machine_pm_status');
SELECT _archive.archive_table('_stage.machine_tool_usage', 'v2_machine_tool_usage');
SELECT _archive.archive_table('_stage.machine_focas_program_production', 'v2_machine_focas_program_production');
SELECT _archive.archive_table('_stage.machine_focas', 'v2_machine_focas');
SELECT _archive.archive_table('_stage.machine_energy', 'v2_machine_energy');
SELECT _archive.archive_table('_stage.machine_alarms', 'v2_machine_alarms');
SELECT _archive.archive_table('_stage.machine_status', 'v2_machine_status');
SELECT _archive.archive_table('_stage.machine_downtime', 'v2_machine_downtime');
SELECT _archive.archive_table('_stage.machine_cycles', 'v2_machine_cycles');
