CREATE INDEX machine_cycles_cycle_start_idx ON silver.machine_cycles (cycle_start DESC);
