-- what: v2's silver and alert history are archived
-- why: v1 alone is left; another upgrade restores the same rows and migrates only what is new
-- transaction: yes
-- lock: none that other sessions need
-- down: undone by upgrading again
-- @include sql/p1_normalization/shared/drop_backfill.sql
-- @include sql/p1_normalization/shared/drop_watch.sql
-- @include sql/p1_normalization/shared/drop_follow_chunks.sql
-- @include sql/p1_normalization/shared/drop_note_rows.sql
-- @include sql/p1_normalization/shared/drop_migrate.sql

SELECT _archive.archive_table('_stage.history', 'v2_history');
SELECT _archive.archive_table('_stage.customer_feedback', 'v2_customer_feedback');
SELECT _archive.archive_table('_stage.machine_am_status', 'v2_machine_am_status');
SELECT _archive.archive_table('_stage.machine_pm_status', 'v2_machine_pm_status');
SELECT _archive.archive_table('_stage.machine_tool_usage', 'v2_machine_tool_usage');
SELECT _archive.archive_table(
    '_stage.machine_focas_program_production', 'v2_machine_focas_program_production'
);
SELECT _archive.archive_table('_stage.machine_focas', 'v2_machine_focas');
SELECT _archive.archive_table('_stage.machine_energy', 'v2_machine_energy');
SELECT _archive.archive_table('_stage.machine_alarms', 'v2_machine_alarms');
SELECT _archive.archive_table('_stage.machine_status', 'v2_machine_status');
SELECT _archive.archive_table('_stage.machine_downtime', 'v2_machine_downtime');
SELECT _archive.archive_table('_stage.machine_cycles', 'v2_machine_cycles');
