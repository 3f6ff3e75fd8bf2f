-- what: silver.latest_cycle_state, filled with the last cycle of every machine that has history
-- why: the first batch must know where each machine's last cycle ended
-- transaction: yes
-- lock: none: one index probe a machine
-- down: the cache goes; it is computed from silver again
-- @include schema_new/silver/Tables/latest_cycle_state.sql
-- @include schema_new/silver/Functions/fn_rebuild_cycle_state.sql

SELECT silver.fn_rebuild_cycle_state();
