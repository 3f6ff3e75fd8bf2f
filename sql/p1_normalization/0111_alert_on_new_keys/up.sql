-- what: the alerting procedures on integer keys, what they cannot evaluate, and when they last ran
-- why: v1's went with the swap; a heartbeat alert now has its company, and is not raised twice
-- transaction: yes
-- lock: none
-- down: they go; v1's come back with the swap
-- @include schema_new/alerting/Tables/rule_faults.sql#table
-- @include schema_new/alerting/Tables/engine_runs.sql#table

SELECT _archive.restore_in_place('alerting', 'rule_faults', 'engine_runs');

-- @include schema_new/alerting/Stored Procedures/*.sql#procedure
-- @include schema_new/alerting/Views/v_engine_state.sql#view
