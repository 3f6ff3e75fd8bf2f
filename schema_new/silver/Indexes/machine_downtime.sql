CREATE INDEX machine_downtime_down_start_idx ON silver.machine_downtime (down_start DESC);
