-- what: plain tables in place of the hypertables, which are archived with their rows
-- why: there is no way back from a hypertable but a copy, and a month of bronze is too much to copy
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the flat tables, while rows not yet loaded go back to v1
-- down: undone by upgrading again, which restores the hypertables
SELECT _archive.lock_tables(VARIADIC ARRAY(
    SELECT format('bronze.%I', f.table_name)::regclass FROM _archive.flat_tables AS f
));

SELECT _archive.return_rows(f.table_name) FROM _archive.flat_tables AS f;

SELECT _archive.archive_table(format('bronze.%I', f.table_name)::regclass, 'v2_' || f.table_name)
FROM _archive.flat_tables AS f;

-- @include schema_new/bronze/Tables/raw_machine_cycles.sql
-- @include schema_new/bronze/Tables/raw_machine_downtime.sql
-- @include schema_new/bronze/Tables/raw_machine_status.sql
-- @include schema_new/bronze/Tables/raw_machine_alarms.sql
-- @include schema_new/bronze/Tables/raw_machine_energy.sql
-- @include schema_new/bronze/Tables/raw_machine_focas.sql
-- @include schema_new/bronze/Tables/raw_machine_focas_program_production.sql
-- @include schema_new/bronze/Tables/raw_machine_tool_usage.sql
-- @include schema_new/bronze/Tables/raw_machine_pm_status.sql
-- @include schema_new/bronze/Tables/raw_machine_am_status.sql
-- @include schema_new/bronze/Identity/raw_machine_cycles.sql
-- @include schema_new/bronze/Identity/raw_machine_downtime.sql
-- @include schema_new/bronze/Identity/raw_machine_status.sql
-- @include schema_new/bronze/Identity/raw_machine_alarms.sql
-- @include schema_new/bronze/Identity/raw_machine_energy.sql
-- @include schema_new/bronze/Identity/raw_machine_focas.sql
-- @include schema_new/bronze/Identity/raw_machine_focas_program_production.sql
-- @include schema_new/bronze/Identity/raw_machine_tool_usage.sql
-- @include schema_new/bronze/Identity/raw_machine_pm_status.sql
-- @include schema_new/bronze/Identity/raw_machine_am_status.sql

DO $continue$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN SELECT f.table_name FROM _archive.flat_tables AS f LOOP
        EXECUTE format('SELECT setval(%L, s.last_value, s.is_called) FROM _archive.%I AS s',
            format('bronze.%I', v_table || '_id_seq'), v_table || '_id_seq');
    END LOOP;
END
$continue$;
