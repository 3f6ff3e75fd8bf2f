-- what: empty plain tables in place of the empty hypertables; the roles go unless they are still used
-- why: there is no way back from a hypertable to a table
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the flat tables, milliseconds
-- down: undone by upgrading again
DROP TABLE bronze.raw_machine_cycles;
DROP TABLE bronze.raw_machine_downtime;
DROP TABLE bronze.raw_machine_status;
DROP TABLE bronze.raw_machine_alarms;
DROP TABLE bronze.raw_machine_energy;
DROP TABLE bronze.raw_machine_focas;
DROP TABLE bronze.raw_machine_focas_program_production;
DROP TABLE bronze.raw_machine_tool_usage;
DROP TABLE bronze.raw_machine_pm_status;
DROP TABLE bronze.raw_machine_am_status;
DROP FUNCTION bronze.fn_refuse_rows();
-- @include schema_new/bronze/Tables/raw_*.sql#table
-- @include schema_new/bronze/Tables/raw_*.sql#identity
-- @include sql/p2_bronze/shared/close_bronze.sql

DO $drop$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['setu_ingest', 'setu_etl', 'setu_reader'] LOOP
        BEGIN
            EXECUTE format('DROP ROLE %I', v_role);
        EXCEPTION WHEN dependent_objects_still_exist THEN
            RAISE NOTICE 'role % stays: archived rows or another database use it', v_role;
        END;
    END LOOP;
END
$drop$;
