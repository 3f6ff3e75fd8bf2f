-- what: v2's cycles to sleep, the trigger off v1's
-- why: v1 alone is left; another upgrade wakes the same rows and carries only what is new
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on v1's silver.machine_cycles and its chunks, to drop the trigger
-- down: undone by upgrading again
SELECT _archive.lock_tables('silver.machine_cycles');

DROP TRIGGER setu_carry ON silver.machine_cycles;
DROP FUNCTION _stage.fn_carry_machine_cycles();
DROP FUNCTION _stage.carry_machine_cycles(timestamptz, timestamptz);
DROP FUNCTION _stage.as_v2(silver.machine_cycles);
DROP TABLE _stage.carry_failures;
DROP TABLE _stage.backfill_progress;

SELECT _archive.sleep('_stage.machine_cycles', 'v2_machine_cycles');
