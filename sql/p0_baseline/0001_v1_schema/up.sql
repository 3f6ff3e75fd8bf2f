-- what: create the v1 schema as production runs it today
-- why: every later revision starts from it; a production database is stamped with it instead
-- transaction: yes
-- lock: none on existing tables
-- down: an empty database; refuses while any v1 table holds rows

CREATE SCHEMA master;
CREATE SCHEMA silver;
CREATE SCHEMA bronze;

-- @include schema/master/Tables/companies.sql
-- @include schema/master/Tables/plants.sql
-- @include schema/master/Tables/machine_info.sql
-- @include schema/master/Tables/shifts.sql
-- @include schema/master/Functions/get_shift_id.sql
-- @include schema/silver/Tables/machine_cycles.sql
-- @include schema/bronze/Tables/raw_telemetry.sql
-- @include schema/bronze/Tables/dead_letter_queue.sql
-- @include schema/bronze/Stored Procedures/proc_ingest_payload.sql
-- @include schema/bronze/Stored Procedures/proc_process_bronze_batch.sql
