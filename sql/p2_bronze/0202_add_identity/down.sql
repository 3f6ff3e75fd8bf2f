-- what: id is a plain column again
-- why: mirrors the step up
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on bronze.raw_machine_cycles, milliseconds
-- down: undone by upgrading again
ALTER TABLE bronze.raw_machine_cycles ALTER COLUMN id DROP IDENTITY;
