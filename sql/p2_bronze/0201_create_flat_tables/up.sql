-- what: ten flat and typed bronze tables, one for each fact table
-- why: JSON costs its parse on every read and hides a wrong type until the load
-- transaction: yes
-- lock: none on anything there was
-- down: rows that were not loaded go back to v1 as pending payloads, and are archived
-- @include schema_new/bronze/Tables/raw_*.sql#table

-- @include sql/p2_bronze/shared/return_bronze.sql
