-- what: v1's master and silver take their names back; v2's tables wait in _stage
-- why: v1's tables were kept as they were, so going back is a rename and not a conversion
-- transaction: yes
-- lock: SHARE ROW EXCLUSIVE on v2's silver while late rows are carried back, then ACCESS EXCLUSIVE for renames
-- down: undone by upgrading again, which finds the same rows under the same keys
-- @include sql/p1_normalization/shared/require_archive.sql

LOCK TABLE silver.machine_cycles IN SHARE ROW EXCLUSIVE MODE;

SELECT _archive.carry_master_back();
-- 0105 carried back the bulk of it, chunk by chunk; this finds what came after.
SELECT _archive.carry_back_machine_cycles('-infinity', 'infinity');

SELECT _archive.lock_tables(
    'master.companies', 'master.plants', 'master.device_info', 'master.machine_info',
    'master.plant_machine_mapping', 'master.shift_definitions', 'silver.machine_cycles'
);

DROP TRIGGER shift_definitions_overlap ON master.shift_definitions;
DROP FUNCTION master.fn_refuse_shift_overlap();
DROP FUNCTION _archive.carry_back_machine_cycles(timestamptz, timestamptz);
DROP FUNCTION _archive.carry_master_back();

CREATE SCHEMA _stage;
REVOKE ALL ON SCHEMA _stage FROM PUBLIC;
COMMENT ON SCHEMA _stage IS 'v2 tables that are being filled; the swap moves them to their place';

ALTER TABLE silver.machine_cycles SET SCHEMA _stage;
ALTER TABLE master.shift_definitions SET SCHEMA _stage;
ALTER TABLE master.plant_machine_mapping SET SCHEMA _stage;
ALTER TABLE master.machine_info SET SCHEMA _stage;
ALTER TABLE master.device_info SET SCHEMA _stage;
ALTER TABLE master.plants SET SCHEMA _stage;
ALTER TABLE master.companies SET SCHEMA _stage;

SELECT _archive.wake('companies', 'master', 'companies');
SELECT _archive.wake('plants', 'master', 'plants');
SELECT _archive.wake('machine_info', 'master', 'machine_info');
SELECT _archive.wake('shifts', 'master', 'shifts');
SELECT _archive.wake('machine_cycles', 'silver', 'machine_cycles');

-- @include schema/master/Functions/get_shift_id.sql
-- @include schema/bronze/Stored Procedures/proc_ingest_payload.sql
-- @include schema/bronze/Stored Procedures/proc_process_bronze_batch.sql

-- As after 0103: every new v1 row is carried over again.
-- @include sql/p1_normalization/shared/sync_master.sql
-- @include sql/p1_normalization/shared/backfill_tables.sql
-- @include sql/p1_normalization/shared/carry_machine_cycles.sql
-- @include sql/p1_normalization/shared/backfill_procedure.sql

INSERT INTO _stage.backfill_progress (table_name, range_start, range_end, rows_carried, finished_at)
SELECT 'machine_cycles', c.range_start, c.range_end, 0, clock_timestamp()
FROM timescaledb_information.chunks AS c
WHERE c.hypertable_schema = 'silver' AND c.hypertable_name = 'machine_cycles';
