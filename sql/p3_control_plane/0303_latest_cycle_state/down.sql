-- what: drops the cache
-- why: everything in it stands in silver.machine_cycles
-- transaction: yes
-- lock: none that other sessions need: the loads are gone already
-- down: undone by upgrading again, which fills it from silver
-- loses: nothing: every row is computed from silver.machine_cycles
DROP FUNCTION silver.fn_rebuild_cycle_state();
DROP TABLE silver.latest_cycle_state;
