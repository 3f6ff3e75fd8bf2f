-- what: a plain table in place of the hypertable, which goes to sleep in _archive with its rows
-- why: there is no way back from a hypertable but a copy, and a month of bronze is too much to copy
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on bronze.raw_machine_cycles, while rows not yet loaded go back to v1
-- down: undone by upgrading again, which wakes the hypertable
SELECT _archive.lock_tables('bronze.raw_machine_cycles');

SELECT _archive.return_machine_cycles();

SELECT _archive.sleep('bronze.raw_machine_cycles', 'v2_raw_machine_cycles');

-- @include schema_new/bronze/Tables/raw_machine_cycles.sql
-- @include schema_new/bronze/Identity/raw_machine_cycles.sql

SELECT setval('bronze.raw_machine_cycles_id_seq', s.last_value, s.is_called)
FROM _archive.raw_machine_cycles_id_seq AS s;
