-- what: bronze.raw_machine_cycles, flat and typed
-- why: JSON costs its parse on every read and hides a wrong type until the load
-- transaction: yes
-- lock: none on anything there was
-- down: rows that were not loaded go back to v1 as pending payloads, and sleep in _archive
-- @include schema_new/bronze/Tables/raw_machine_cycles.sql

-- @include sql/p2_bronze/shared/return_bronze.sql
