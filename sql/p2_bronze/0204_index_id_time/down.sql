-- what: drops the index
-- why: mirrors the step up
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on bronze.raw_machine_cycles and its chunks, milliseconds
-- down: undone by upgrading again, which builds it
DROP INDEX bronze.raw_machine_cycles_id_time_idx;
