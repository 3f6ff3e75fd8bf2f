-- what: v2's silver.machine_cycles in _stage, and a trigger that carries each new v1 cycle over
-- why: from here on only what is older is left to carry, and v1 goes on as it was
-- transaction: yes
-- lock: SHARE ROW EXCLUSIVE on v1's silver.machine_cycles and its chunks, to create the trigger
-- down: v2's cycles sleep in _archive; v1's table loses the trigger and nothing else
-- @include schema_new/silver/Tables/machine_cycles.sql with silver => _stage
-- @include schema_new/silver/Hypertables/machine_cycles.sql with silver => _stage
-- @include schema_new/silver/Indexes/machine_cycles.sql with silver => _stage

SELECT _archive.wake_instead('_stage', 'machine_cycles');

-- @include sql/p1_normalization/shared/backfill_tables.sql
-- @include sql/p1_normalization/shared/carry_machine_cycles.sql

-- The trigger is on and holds writers off until the commit: the rows of these chunks are all that
-- it has not seen.
INSERT INTO _stage.backfill_progress (table_name, range_start, range_end)
SELECT 'machine_cycles', c.range_start, c.range_end
FROM timescaledb_information.chunks AS c
WHERE c.hypertable_schema = 'silver' AND c.hypertable_name = 'machine_cycles';
